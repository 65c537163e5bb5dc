"""Dead letters: statements that a consumer will not take. They are kept, with its words, until somebody decides."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from .backoff import utc
from .ledger import count, forget_payloads

if TYPE_CHECKING:
    from .database import Transaction
    from .outbox import Outbox

_CHUNK = 500  # dead letters a transaction: emit() is never locked out for long


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """One statement that one destination will not get, and why.

    ``attempts``: requests that it failed alone in. ``conflict``: the consumer has this id already, with other content.
    """

    destination: str
    standard: str
    statement_id: str
    event_name: str
    event_time: datetime | None
    critical: bool
    attempts: int
    since: datetime
    reason: str
    conflict: bool


@dataclass(frozen=True, slots=True)
class Selection:
    """Which dead letters: all conditions must hold, empty ones do.

    ``reason`` is a part of the consumer's words, in any case of letters; ``older_than`` is in seconds; ``conflict``
    takes only conflicts, or only what is none.
    """

    destination: str = ""
    event_name: str = ""
    reason: str = ""
    statement_id: str = ""
    older_than: float = 0.0
    uncritical: bool = False
    conflict: bool | None = None

    def where(self, now: float) -> tuple[str, dict[str, Any]]:
        """SQL over ``d`` (dead letter) and ``s`` (statement), and its parameters."""
        escaped = self.reason.replace("!", "!!").replace("%", "!%").replace("_", "!_")
        conditions: list[tuple[object, str, dict[str, Any]]] = [
            (self.destination, "d.destination = :destination", {"destination": self.destination}),
            (self.event_name, "s.event_name = :event_name", {"event_name": self.event_name}),
            (self.statement_id, "s.statement_id = :statement_id", {"statement_id": self.statement_id}),
            (self.reason, "LOWER(d.reason) LIKE LOWER(:reason) ESCAPE '!'", {"reason": f"%{escaped}%"}),
            (self.older_than, "d.since <= :before", {"before": now - self.older_than}),
            (self.uncritical, "s.critical = 0", {}),
            (self.conflict is not None, "d.conflict = :conflict", {"conflict": int(self.conflict or 0)}),
        ]
        used = [(sql, parameters) for asked, sql, parameters in conditions if asked]
        values = {name: value for _, parameters in used for name, value in parameters.items()}
        return " AND ".join(sql for sql, _ in used) or "1 = 1", values


_FROM = "FROM learnrelay_dead_letter AS d JOIN learnrelay_statement AS s ON s.key = d.key"
_COLUMNS = """d.destination, s.standard, s.statement_id, s.event_name, s.event_time, s.critical,
    d.attempts, d.since, d.reason, d.conflict"""


class DeadLetters:
    """The dead letters of an outbox. Everything raises OutboxError when the database fails."""

    def __init__(self, outbox: Outbox) -> None:
        self._outbox = outbox
        self._database = outbox.database

    def list(self, selection: Selection = Selection(), limit: int = 100) -> list[DeadLetter]:
        """The oldest ``limit`` of them."""
        where, parameters = selection.where(self._outbox.clock())
        with self._database.transaction(write=False) as transaction:
            rows = transaction.execute(
                f"SELECT {_COLUMNS} {_FROM} WHERE {where} ORDER BY d.since, d.key LIMIT :limit",
                limit=limit,
                **parameters,
            )
        return [
            DeadLetter(
                destination=row[0],
                standard=row[1],
                statement_id=row[2],
                event_name=row[3],
                event_time=None if row[4] is None else utc(row[4]),
                critical=bool(row[5]),
                attempts=row[6],
                since=utc(row[7]),
                reason=row[8],
                conflict=bool(row[9]),
            )
            for row in rows
        ]

    def count(self, selection: Selection = Selection()) -> int:
        """How many there are."""
        where, parameters = selection.where(self._outbox.clock())
        with self._database.transaction(write=False) as transaction:
            ((number,),) = transaction.execute(f"SELECT COUNT(*) {_FROM} WHERE {where}", **parameters)
        return int(number)

    def payload(self, statement_id: str) -> bytes | None:
        """The statement itself. It may hold personal data: show it to who asked for it, and log it nowhere."""
        where, parameters = Selection(statement_id=statement_id).where(self._outbox.clock())
        with self._database.transaction(write=False) as transaction:
            rows = transaction.execute(f"SELECT s.payload {_FROM} WHERE {where} LIMIT 1", **parameters)
        return rows[0][0] if rows else None

    def retry(self, selection: Selection) -> int:
        """Put them back into the queue as if they had never failed, and say how many."""
        return sum(self._by_chunks(selection, self._revive))

    def drop(self, selection: Selection) -> int:
        """Delete them for good, and say how many."""
        return sum(self._by_chunks(selection, self._remove))

    def expire(self) -> int:
        """Drop what is older than ``delivery.retention``, but never a critical statement. Says how many."""
        retention = self._outbox.settings.retention
        return self.drop(Selection(older_than=retention, uncritical=True)) if retention else 0

    def _by_chunks(self, selection: Selection, act: Callable[[Transaction, dict[str, Any]], int]) -> Iterator[int]:
        where, parameters = selection.where(self._outbox.clock())
        found = _CHUNK
        while found == _CHUNK:
            with self._database.transaction() as transaction:
                rows = transaction.execute(
                    f"SELECT d.destination, d.key {_FROM} WHERE {where} ORDER BY d.key LIMIT {_CHUNK}",
                    **parameters,
                )
                found = len(rows)
                done = sum(act(transaction, {"destination": name, "key": key}) for name, key in rows)
            self._outbox.made_room()
            yield done

    @staticmethod
    def _revive(transaction: Transaction, letter: dict[str, Any]) -> int:
        gone = transaction.change(f"DELETE FROM learnrelay_dead_letter WHERE {_ONE}", **letter)  # noqa: S608
        if gone:
            transaction.change(
                "INSERT INTO learnrelay_delivery (destination, key) VALUES (:destination, :key)", **letter
            )
            count(transaction, letter["destination"], waiting=1)
        return gone

    @staticmethod
    def _remove(transaction: Transaction, letter: dict[str, Any]) -> int:
        forget_payloads(transaction, f"SELECT key FROM learnrelay_dead_letter WHERE {_ONE}", **letter)  # noqa: S608
        gone = transaction.change(f"DELETE FROM learnrelay_dead_letter WHERE {_ONE}", **letter)  # noqa: S608
        count(transaction, letter["destination"], dropped=gone)
        return gone


_ONE = "destination = :destination AND key = :key"
