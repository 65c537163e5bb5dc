"""Keeps dead letters: statements that a consumer refuses, with its text, until an operator retries or drops them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any

from .counters import add_counts, delete_unshared_payloads
from .database import Transaction, retry_deadlocks
from .store import Store, utc

_CHUNK = 500  # dead letters per transaction: emit() is never locked out for long
_MARK = ": "  # in a reason: before the first one stands ours, behind it the consumer's text, another in each answer
_MOST_GROUPS = 10_000


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """Describes a statement that a destination does not get, and why.

    ``attempts``: requests in which it failed alone. ``conflict``: the consumer has this id already, with other content.
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

    @property
    def cause(self) -> str:
        """Returns the reason in our words, which many have in common."""
        return self.reason.partition(_MARK)[0]

    @property
    def text(self) -> str:
        """Returns the consumer's words; empty where there are none."""
        return self.reason.partition(_MARK)[2]


@dataclass(frozen=True, slots=True)
class DeadLetterGroup:
    """Describes dead letters that one destination refused for one cause, of one event.

    ``since``: the first of them. ``text``: the consumer's words for one of them. ``texts``: how many reasons differ.
    """

    destination: str
    standard: str
    event_name: str
    conflict: bool
    cause: str
    number: int
    since: datetime
    text: str
    texts: int

    @property
    def key(self) -> str:
        """Returns what names the group, without a word of an event or a consumer."""
        parts = [self.destination, self.standard, self.event_name, self.conflict, self.cause]
        return sha256(json.dumps(parts).encode()).hexdigest()[:20]

    def criteria(self) -> DeadLetterFilter:
        """Returns the conditions that select its dead letters."""
        return DeadLetterFilter(
            self.destination, self.standard, self.event_name, conflict=self.conflict, cause=self.cause
        )


@dataclass(frozen=True, slots=True)
class DeadLetterFilter:
    """Selects dead letters by conditions: all must hold, empty ones do.

    ``reason`` is a part of the consumer's text, upper or lower case; ``cause`` is that of a `DeadLetterGroup`;
    ``older_than`` is in seconds; ``conflict`` selects conflicts only (True) or all others (False).
    """

    destination: str = ""
    standard: str = ""
    event_name: str = ""
    reason: str = ""
    statement_id: str = ""
    older_than: float = 0.0
    uncritical: bool = False
    conflict: bool | None = None
    cause: str | None = None

    def where(self, now: float) -> tuple[str, dict[str, Any]]:
        """Returns the condition as SQL over ``d`` (dead letter) and ``s`` (statement), and its parameters."""
        head = f"{self.cause}{_MARK}"
        conditions: list[tuple[object, str, dict[str, Any]]] = [
            (self.destination, "d.destination = :destination", {"destination": self.destination}),
            (self.standard, "s.standard = :standard", {"standard": self.standard}),
            (self.event_name, "s.event_name = :event_name", {"event_name": self.event_name}),
            (self.statement_id, "s.statement_id = :statement_id", {"statement_id": self.statement_id}),
            (
                self.reason,
                "LOWER(d.reason) LIKE LOWER(:reason) ESCAPE '!'",
                {"reason": f"%{_escape_pattern(self.reason)}%"},
            ),
            (self.older_than, "d.since <= :before", {"before": now - self.older_than}),
            (self.uncritical, "s.critical = 0", {}),
            (self.conflict is not None, "d.conflict = :conflict", {"conflict": int(self.conflict or 0)}),
            (
                self.cause is not None,
                "(d.reason = :cause OR SUBSTR(d.reason, 1, :cause_length) = :cause_head)",
                {"cause": self.cause, "cause_head": head, "cause_length": len(head)},
            ),
        ]
        used = [(sql, parameters) for value, sql, parameters in conditions if value]
        values = {name: value for _, parameters in used for name, value in parameters.items()}
        return " AND ".join(sql for sql, _ in used) or "1 = 1", values


def _escape_pattern(text: str) -> str:
    """Escapes a text for ``LIKE … ESCAPE '!'``."""
    return text.replace("!", "!!").replace("%", "!%").replace("_", "!_")


_FROM = "FROM learnrelay_dead_letter AS d JOIN learnrelay_statement AS s ON s.key = d.key"
_COLUMNS = """d.destination, s.standard, s.statement_id, s.event_name, s.event_time, s.critical,
    d.attempts, d.since, d.reason, d.conflict"""


class DeadLetters:
    """Lists, retries and drops the dead letters of an outbox. All methods raise OutboxError when the database fails."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._database = store.database

    def list(
        self, criteria: DeadLetterFilter = DeadLetterFilter(), limit: int = 100, offset: int = 0
    ) -> list[DeadLetter]:
        """Returns the oldest ``limit`` dead letters after the first ``offset``."""
        where, parameters = criteria.where(self._store.clock())
        with self._database.transaction(write=False) as transaction:
            rows = transaction.execute(
                f"SELECT {_COLUMNS} {_FROM} WHERE {where} ORDER BY d.since, d.key LIMIT :limit OFFSET :offset",
                limit=limit,
                offset=offset,
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

    def list_groups(self, criteria: DeadLetterFilter = DeadLetterFilter()) -> Sequence[DeadLetterGroup]:
        """Returns the groups of dead letters by destination, the largest first."""
        where, parameters = criteria.where(self._store.clock())
        cause = self._database.dialect.text_before("d.reason", _MARK)
        with self._database.transaction(write=False) as transaction:
            rows = transaction.execute(
                f"""SELECT d.destination, s.standard, s.event_name, d.conflict, {cause} AS cause, COUNT(*) AS number,
                    MIN(d.since), MAX(d.reason), COUNT(DISTINCT d.reason)
                {_FROM} WHERE {where} GROUP BY d.destination, s.standard, s.event_name, d.conflict, cause
                ORDER BY d.destination, number DESC, s.event_name, cause, d.conflict LIMIT {_MOST_GROUPS}""",
                **parameters,
            )
        return [
            DeadLetterGroup(
                destination=row[0],
                standard=row[1],
                event_name=row[2],
                conflict=bool(row[3]),
                cause=row[4],
                number=int(row[5]),
                since=utc(row[6]),
                text=row[7].partition(_MARK)[2],
                texts=int(row[8]),
            )
            for row in rows
        ]

    def find_group(self, key: str) -> DeadLetterGroup | None:
        """Returns the group with this key; None where it has no dead letter any more."""
        return next((group for group in self.list_groups() if group.key == key), None)

    def count(self, criteria: DeadLetterFilter = DeadLetterFilter()) -> int:
        """Counts the dead letters."""
        where, parameters = criteria.where(self._store.clock())
        with self._database.transaction(write=False) as transaction:
            ((number,),) = transaction.execute(f"SELECT COUNT(*) {_FROM} WHERE {where}", **parameters)
        return int(number)

    def find_ids(self, beginning: str, limit: int) -> Sequence[str]:
        """Returns the ids of dead letters that begin so, at most ``limit``."""
        with self._database.transaction(write=False) as transaction:
            rows = transaction.execute(
                f"""SELECT DISTINCT s.statement_id {_FROM} WHERE s.statement_id LIKE :pattern ESCAPE '!'
                ORDER BY s.statement_id LIMIT :limit""",
                pattern=f"{_escape_pattern(beginning)}%",
                limit=limit,
            )
        return [statement_id for (statement_id,) in rows]

    def payload(self, statement_id: str) -> bytes | None:
        """Returns the serialized statement. It may hold personal data: show it to who asks for it, never log it."""
        where, parameters = DeadLetterFilter(statement_id=statement_id).where(self._store.clock())
        with self._database.transaction(write=False) as transaction:
            rows = transaction.execute(f"SELECT s.payload {_FROM} WHERE {where} LIMIT 1", **parameters)
        return rows[0][0] if rows else None

    def retry(self, criteria: DeadLetterFilter) -> int:
        """Puts dead letters back into their queues as if they had never failed. Returns their number."""
        return sum(self._by_chunks(criteria, self._requeue))

    def drop(self, criteria: DeadLetterFilter) -> int:
        """Deletes dead letters for good. Returns their number."""
        return sum(self._by_chunks(criteria, self._delete))

    def expire(self) -> int:
        """Drops dead letters older than ``delivery.retention``, never a critical one. Returns their number."""
        retention = self._store.settings.retention
        return self.drop(DeadLetterFilter(older_than=retention, uncritical=True)) if retention else 0

    def _by_chunks(
        self, criteria: DeadLetterFilter, act: Callable[[Transaction, dict[str, Any]], int]
    ) -> Iterator[int]:
        where, parameters = criteria.where(self._store.clock())
        number = _CHUNK
        while number == _CHUNK:
            number, changed = self._change_oldest(where, parameters, act)
            yield changed

    @retry_deadlocks
    def _change_oldest(
        self, where: str, parameters: dict[str, Any], act: Callable[[Transaction, dict[str, Any]], int]
    ) -> tuple[int, int]:
        with self._database.transaction() as transaction:
            rows = transaction.execute(
                f"SELECT d.destination, d.key {_FROM} WHERE {where} ORDER BY d.key LIMIT {_CHUNK}",
                **parameters,
            )
            changed = sum(act(transaction, {"destination": name, "key": key}) for name, key in rows)
        self._store.made_room()
        return len(rows), changed

    @staticmethod
    def _requeue(transaction: Transaction, letter: dict[str, Any]) -> int:
        deleted = transaction.change(f"DELETE FROM learnrelay_dead_letter WHERE {_THIS_LETTER}", **letter)  # noqa: S608
        if deleted:
            transaction.change(
                "INSERT INTO learnrelay_delivery (destination, key) VALUES (:destination, :key)", **letter
            )
            add_counts(transaction, letter["destination"], waiting=1)
        return deleted

    @staticmethod
    def _delete(transaction: Transaction, letter: dict[str, Any]) -> int:
        delete_unshared_payloads(transaction, f"SELECT key FROM learnrelay_dead_letter WHERE {_THIS_LETTER}", **letter)  # noqa: S608
        deleted = transaction.change(f"DELETE FROM learnrelay_dead_letter WHERE {_THIS_LETTER}", **letter)  # noqa: S608
        add_counts(transaction, letter["destination"], dropped=deleted)
        return deleted


_THIS_LETTER = "destination = :destination AND key = :key"
