"""Inserts statements into the tables: each payload once, and no second delivery of the same statement."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from hashlib import blake2b
from typing import Any, NamedTuple, Self

from .counters import add_counts
from .database import Transaction


class OutgoingStatement(NamedTuple):
    """Holds a serialized statement, and the names of its destinations.

    ``statement_id`` is unique within ``standard``: the same id with the same ``event_time`` again, while it waits,
    is the same statement. Give the time wherever it is known: large outboxes are several times faster with it.
    ``critical`` statements are never dropped by retention.
    """

    standard: str
    statement_id: str
    event_name: str
    payload: bytes
    destinations: tuple[str, ...]
    critical: bool = False
    event_time: datetime | None = None


class StatementRow(NamedTuple):
    """Holds a row of ``learnrelay_statement``: ``identity`` has the columns that find it, ``values`` all of them.

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
    ) -> StatementRow:
        """Makes the row of a statement that is accepted at ``now`` (seconds since 1970)."""
        at = event_time.timestamp() if event_time else None
        identity = {
            "minute": int(at // 60) if at is not None else 0,
            "standard": standard,
            "statement_id": statement_id,
            "content": int.from_bytes(blake2b(payload, digest_size=8).digest(), signed=True),
        }
        values = {
            **identity,
            "event_name": event_name,
            "event_time": at,
            "critical": int(critical),
            "taken": now,
            "payload": payload,
        }
        return cls(identity, values)


def insert_statements(transaction: Transaction, rows: list[StatementRow]) -> None:
    """Inserts the payloads that are not stored yet, and locks those that are."""
    # The update changes nothing; it locks the row, so that no acknowledgement deletes it meanwhile.
    insert = """INSERT INTO learnrelay_statement
            (minute, standard, statement_id, content, event_name, event_time, critical, taken, payload)
        VALUES (:minute, :standard, :statement_id, :content, :event_name, :event_time, :critical, :taken, :payload)
        ON CONFLICT (minute, standard, statement_id, content) DO UPDATE SET standard = excluded.standard"""
    if len(rows) == 1:
        transaction.change_later(insert, **rows[0].values)
    else:
        transaction.change_many(insert, [row.values for row in rows])


def sql_new_deliveries(transaction: Transaction) -> str:
    """Returns the SQL that selects a statement ``s`` by its identity.

    It selects nothing when ``:destination`` has a delivery or a dead letter with the statement's id already.
    """
    same = """SELECT o.key FROM learnrelay_statement AS o
        WHERE o.minute = :minute AND o.standard = :standard AND o.statement_id = :statement_id"""
    among = transaction.dialect.in_query(same)
    return f"""FROM learnrelay_statement AS s
        WHERE s.minute = :minute AND s.standard = :standard AND s.statement_id = :statement_id AND s.content = :content
        AND NOT EXISTS (SELECT 1 FROM learnrelay_delivery AS d WHERE d.destination = :destination AND d.key {among})
        AND NOT EXISTS (SELECT 1 FROM learnrelay_dead_letter AS d WHERE d.destination = :destination AND d.key {among})
        """  # noqa: S608


def delete_unreferenced(transaction: Transaction, rows: list[StatementRow]) -> None:
    """Deletes those of the statements that no delivery and no dead letter refers to."""
    known = "(SELECT destination FROM learnrelay_delivery_counter)"
    unreferenced = f"""SELECT s.key FROM learnrelay_statement AS s
        WHERE s.minute = :minute AND s.standard = :standard AND s.statement_id = :statement_id AND s.content = :content
        AND NOT EXISTS (SELECT 1 FROM learnrelay_delivery AS d WHERE d.key = s.key AND d.destination IN {known})
        AND NOT EXISTS (SELECT 1 FROM learnrelay_dead_letter AS d WHERE d.key = s.key AND d.destination IN {known})
        """  # noqa: S608
    keys = [key for row in rows for (key,) in transaction.execute(unreferenced, **row.identity)]
    if keys:
        transaction.change_many("DELETE FROM learnrelay_statement WHERE key = :key", [{"key": key} for key in keys])


@dataclass(frozen=True, slots=True)
class InsertBatch:
    """Holds rows to insert together: statements, and those that each destination is to get."""

    statements: list[StatementRow]
    deliveries: dict[str, list[StatementRow]]

    @classmethod
    def of(cls, statements: Iterable[OutgoingStatement], now: float) -> Self:
        """Makes the rows of statements that are accepted at ``now`` (seconds since 1970)."""
        batch = cls([], {})
        for statement in statements:
            row = StatementRow.of(
                statement.standard,
                statement.statement_id,
                statement.event_name,
                statement.event_time,
                statement.payload,
                now,
                critical=statement.critical,
            )
            batch.statements.append(row)
            for destination in dict.fromkeys(statement.destinations):
                batch.deliveries.setdefault(destination, []).append(row)
        return batch

    @property
    def size(self) -> int:
        """Counts the deliveries, as if all of them were new."""
        return sum(map(len, self.deliveries.values()))

    def write(self, transaction: Transaction) -> int:
        """Inserts each payload once and one delivery for each destination, none twice. Returns how many are new."""
        is_alone = not transaction.dialect.lock
        last = _last_key(transaction) if is_alone and len(self.statements) >= _MANY else None
        insert_statements(transaction, self.statements)
        known: list[StatementRow] = []
        duplicates = 0
        for destination, rows in self.deliveries.items():
            left = rows if last is None else self._insert_new(transaction, destination, rows, last)
            inserted = _insert_deliveries(transaction, destination, left) if left else 0
            if inserted < len(left):
                known += left
            accepted = len(rows) - len(left) + inserted
            duplicates += len(rows) - accepted
            add_counts(transaction, destination, accepted=accepted, waiting=accepted, duplicates=len(rows) - accepted)
        if known:
            delete_unreferenced(transaction, known)
        return self.size - duplicates

    def _insert_new(
        self, transaction: Transaction, destination: str, rows: list[StatementRow], last: int
    ) -> list[StatementRow]:
        """Inserts the deliveries of statements behind the key ``last`` at once, where all of a standard are for it.

        Returns the rows that are left: of those ids there is another row, which may have a delivery.
        """
        standard = rows[0].identity["standard"]
        of_standard = sum(row.identity["standard"] == standard for row in self.statements)
        if len(rows) != of_standard or any(row.identity["standard"] != standard for row in rows):
            return rows
        among = {"destination": destination, "standard": standard, "last": last}
        if transaction.change(_INSERT_NEW_DELIVERIES, **among) == len(rows):
            return []
        inserted = set(transaction.execute(_NEW_DELIVERIES, **among))
        left = []
        for row in rows:
            key = tuple(row.identity.values())
            if key in inserted:
                inserted.remove(key)  # the same statement may follow once more
            else:
                left.append(row)
        return left


_MANY = 20
"""Statements from which on it is worth to ask for the last key."""

_INSERT_NEW_DELIVERIES = """INSERT INTO learnrelay_delivery (destination, key)
    SELECT :destination, s.key FROM learnrelay_statement AS s
    WHERE s.key > :last AND s.standard = :standard AND NOT EXISTS (
        SELECT 1 FROM learnrelay_statement AS o
        WHERE o.minute = s.minute AND o.standard = s.standard AND o.statement_id = s.statement_id AND o.key <> s.key)
    ON CONFLICT (destination, key) DO NOTHING"""

_NEW_DELIVERIES = """SELECT s.minute, s.standard, s.statement_id, s.content
    FROM learnrelay_delivery AS d, learnrelay_statement AS s
    WHERE d.destination = :destination AND d.key > :last AND s.key = d.key AND s.standard = :standard"""


def _last_key(transaction: Transaction) -> int:
    """Returns the largest key. Rows that are inserted behind it in a transaction that is alone have larger ones."""
    return int(transaction.execute("SELECT COALESCE(MAX(key), 0) FROM learnrelay_statement")[0][0])


def _insert_deliveries(transaction: Transaction, destination: str, rows: list[StatementRow]) -> int:
    """Inserts a delivery of each statement that the destination does not have yet. Returns how many they are."""
    return transaction.change_many(
        f"""INSERT INTO learnrelay_delivery (destination, key) SELECT :destination, s.key
        {sql_new_deliveries(transaction)} ON CONFLICT (destination, key) DO NOTHING""",
        [{"destination": destination, **row.identity} for row in rows],
    )
