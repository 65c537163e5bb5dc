"""How statements come into the tables: each payload once, and no second delivery of the same statement."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from hashlib import blake2b
from typing import Any, Self

from .database import Transaction
from .ledger import count


@dataclass(frozen=True, slots=True)
class Parcel:
    """One finished statement, serialised, and who is to get it.

    ``statement_id`` is unique within ``standard``: the same id with the same ``event_time`` again, while it waits,
    is the same statement. Give the time wherever it is known: large outboxes are several times faster by it.
    ``critical`` statements are never dropped by retention.
    """

    standard: str
    statement_id: str
    event_name: str
    payload: bytes
    destinations: tuple[str, ...]
    critical: bool = False
    event_time: datetime | None = None


@dataclass(frozen=True, slots=True)
class Taken:
    """A statement as the tables see it. ``identity`` finds it, ``values`` are the rest of its row.

    Destinations with pseudonyms of their own may share an id and not the payload: ``content`` keeps these apart.
    """

    identity: dict[str, Any]
    values: dict[str, Any]

    @classmethod
    def of(
        cls,
        standard: str,
        statement_id: str,
        event_name: str,
        event_time: datetime | None,
        payload: bytes,
        now: float,
        *,
        critical: bool = False,
    ) -> Taken:
        """``now``: when it was taken, seconds since 1970."""
        at = event_time.timestamp() if event_time else None
        return cls(
            {
                "minute": int(at // 60) if at is not None else 0,
                "standard": standard,
                "statement_id": statement_id,
                "content": int.from_bytes(blake2b(payload, digest_size=8).digest(), signed=True),
            },
            {
                "event_name": event_name,
                "event_time": at,
                "critical": int(critical),
                "taken": now,
                "payload": payload,
            },
        )


def take(transaction: Transaction, statements: list[Taken]) -> None:
    """Store the payloads that are not there yet."""
    # The update changes nothing; it locks the row, so that no acknowledgement removes it meanwhile.
    transaction.change_many(
        """INSERT INTO learnrelay_statement
            (minute, standard, statement_id, content, event_name, event_time, critical, taken, payload)
        VALUES (:minute, :standard, :statement_id, :content, :event_name, :event_time, :critical, :taken, :payload)
        ON CONFLICT (minute, standard, statement_id, content) DO UPDATE SET standard = excluded.standard""",
        [one.identity | one.values for one in statements],
    )


def from_new(transaction: Transaction) -> str:
    """SQL: the statement ``s`` with this identity, unless ``:destination`` has its id already, waiting or dead."""
    same = """SELECT o.key FROM learnrelay_statement AS o
        WHERE o.minute = :minute AND o.standard = :standard AND o.statement_id = :statement_id"""
    among = f"= ANY(ARRAY({same}))" if transaction.postgres else f"IN ({same})"  # so that the few keys come first
    return f"""FROM learnrelay_statement AS s
        WHERE s.minute = :minute AND s.standard = :standard AND s.statement_id = :statement_id AND s.content = :content
        AND NOT EXISTS (SELECT 1 FROM learnrelay_delivery AS d WHERE d.destination = :destination AND d.key {among})
        AND NOT EXISTS (SELECT 1 FROM learnrelay_dead_letter AS d WHERE d.destination = :destination AND d.key {among})
        """  # noqa: S608


def remove_unwanted(transaction: Transaction, statements: list[Taken]) -> None:
    """After some were not new to a destination: remove payloads that came in and that nobody waits for."""
    known = "(SELECT destination FROM learnrelay_tally)"
    transaction.change_many(
        f"""DELETE FROM learnrelay_statement WHERE minute = :minute AND standard = :standard
            AND statement_id = :statement_id AND content = :content
            AND NOT EXISTS (SELECT 1 FROM learnrelay_delivery AS d
                WHERE d.key = learnrelay_statement.key AND d.destination IN {known})
            AND NOT EXISTS (SELECT 1 FROM learnrelay_dead_letter AS d
                WHERE d.key = learnrelay_statement.key AND d.destination IN {known})""",  # noqa: S608
        [one.identity for one in statements],
    )


@dataclass(frozen=True, slots=True)
class Consignment:
    """Parcels as the tables take them: their statements, and by destination what it is to get."""

    statements: list[Taken]
    deliveries: dict[str, list[dict[str, Any]]]

    @classmethod
    def of(cls, parcels: Iterable[Parcel], now: float) -> Self:
        """``now``: when they were taken, seconds since 1970."""
        made = cls([], {})
        for parcel in parcels:
            taken = Taken.of(
                parcel.standard,
                parcel.statement_id,
                parcel.event_name,
                parcel.event_time,
                parcel.payload,
                now,
                critical=parcel.critical,
            )
            made.statements.append(taken)
            for destination in dict.fromkeys(parcel.destinations):
                made.deliveries.setdefault(destination, []).append({"destination": destination, **taken.identity})
        return made

    @property
    def size(self) -> int:
        """Number of deliveries, if all of them are new."""
        return sum(map(len, self.deliveries.values()))

    def write(self, transaction: Transaction) -> None:
        """Store each payload once and one delivery for each destination, none of them twice."""
        take(transaction, self.statements)
        duplicates, new = 0, from_new(transaction)
        for destination, wanted in self.deliveries.items():
            accepted = transaction.change_many(
                f"""INSERT INTO learnrelay_delivery (destination, key) SELECT :destination, s.key {new}
                ON CONFLICT (destination, key) DO NOTHING""",
                wanted,
            )
            known = len(wanted) - accepted
            duplicates += known
            count(transaction, destination, accepted=accepted, waiting=accepted, duplicates=known)
        if duplicates:
            remove_unwanted(transaction, self.statements)
