"""Takes the statements in a spool into the outbox's database.

The rows and the offset up to which a segment was taken are committed in one transaction: whoever is killed at any
moment, each statement is taken once. Offsets outlive their segments for a while, so that a reader that opened a segment
before another one removed it does not begin it again, and so that a backup knows what it holds already.
"""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass

from ..errors import OutboxFullError
from .counters import count_waiting
from .database import Transaction, retry_deadlocks
from .intake import InsertBatch, OutgoingStatement
from .refusals import write_refusals
from .spool import Segment, Spool, size_of
from .store import Store

_CHUNK = 2**18  # bytes that one transaction takes in
_MEMORY = 30 * 86_400.0  # seconds for which the offset of a removed segment is kept


@dataclass(frozen=True, slots=True)
class SpoolStatus:
    """Describes what waits in this machine's spool: ``segments``, ``bytes``; ``oldest_age`` in seconds, or None.

    ``damaged``: files that could not be read to their end, and are kept.
    """

    segments: int = 0
    bytes: int = 0
    oldest_age: float | None = None
    damaged: int = 0


class SpoolReader:
    """Takes in what the processes of this machine have spooled. Threads and processes may do so at once."""

    def __init__(self, store: Store, spool: Spool) -> None:
        self._store = store
        self._spool = spool
        self._taken: dict[str, int] = {}  # name of a segment → offset up to which it was taken, at least

    def take_in(self, seconds: float) -> Counter[str]:
        """Takes in what is there, as far as ``delivery.limit`` allows. Returns the numbers of statements by queue.

        Begins no transaction after ``seconds``. Raises OutboxError; then what was taken before stays taken, and the
        rest is taken next time.
        """
        arrivals, until = Counter[str](), time.monotonic() + seconds
        paths = self._spool.list_segments()
        for name in self._taken.keys() - {path.name for path in paths}:
            self._taken.pop(name, None)  # another thread may be here too
        for path in paths:
            with self._spool.open_segment(path) as segment:
                if segment is None:
                    continue
                more = segment.is_complete or size_of(path) > self._taken.get(path.name, 0)
                while more and time.monotonic() < until:
                    try:
                        more = self._take_chunk(segment, arrivals)
                    except OutboxFullError:
                        return arrivals
        return arrivals

    @retry_deadlocks
    def _take_chunk(self, segment: Segment, arrivals: Counter[str]) -> bool:
        """Takes the next records of a segment in one transaction; returns whether there may be more.

        Raises OutboxFullError where there is no room for the first of them.
        """
        name, is_over = segment.path.name, False
        with self._store.database.transaction() as transaction:
            offset = _lock_offset(transaction, name)
            if segment.is_removed:
                return False
            records = segment.read(offset, _CHUNK)
            room = self._store.settings.limit - count_waiting(transaction, near=self._store.settings.limit)
            statements: list[OutgoingStatement] = []
            refused, after, size = Counter[str](), offset, 0
            for record, end in records:
                size += sum(len(statement.destinations) for statement in record.statements)
                if size > room:
                    break
                statements += record.statements
                refused.update(record.refused)
                after = end
            if records and after == offset:
                raise OutboxFullError(f"outbox {self._store.database.name}: no room for what is spooled")
            is_over = not records and segment.is_complete
            batch = InsertBatch.of(statements, self._store.clock())
            batch.write(transaction)
            write_refusals(transaction, refused, self._store.clock())
            self._write_offset(transaction, name, after, is_over=is_over)
        self._taken[name] = after
        arrivals.update({queue: len(deliveries) for queue, deliveries in batch.deliveries.items()})
        if is_over:
            segment.remove(after)
        return after > offset

    def _write_offset(self, transaction: Transaction, name: str, offset: int, *, is_over: bool) -> None:
        now = self._store.clock()
        transaction.change(
            "UPDATE learnrelay_spool SET taken = :taken, removed = :removed WHERE segment = :segment",
            taken=offset,
            removed=now if is_over else None,
            segment=name,
        )
        if is_over:
            transaction.change("DELETE FROM learnrelay_spool WHERE removed < :before", before=now - _MEMORY)

    def erase_taken(self) -> None:
        """Overwrites what was taken in of segments that are still there. Raises OutboxError."""
        names = [path.name for path in self._spool.list_segments()]
        with self._store.database.transaction(write=False) as transaction:
            taken: dict[str, int] = dict(transaction.execute("SELECT segment, taken FROM learnrelay_spool"))
        for name in names:
            self._spool.erase(name, taken.get(name, 0))

    def read_status(self) -> SpoolStatus:
        """Reads how much is still to be taken in. Raises OutboxError."""
        sizes = {path.name: size_of(path) for path in self._spool.list_segments()}
        damaged = self._spool.count_damaged()
        if not sizes:
            return SpoolStatus(damaged=damaged)
        with self._store.database.transaction(write=False) as transaction:
            taken: dict[str, int] = dict(transaction.execute("SELECT segment, taken FROM learnrelay_spool"))
        waiting = {name: size - taken.get(name, 0) for name, size in sizes.items() if size > taken.get(name, 0)}
        if not waiting:
            return SpoolStatus(damaged=damaged)
        begun_at = int(min(waiting).partition("-")[0]) / 1e9
        return SpoolStatus(len(waiting), sum(waiting.values()), max(0.0, self._store.clock() - begun_at), damaged)


def _lock_offset(transaction: Transaction, name: str) -> int:
    """Returns the offset of a segment, locked until the transaction ends."""
    transaction.change(
        "INSERT INTO learnrelay_spool (segment, taken) VALUES (:segment, 0) ON CONFLICT (segment) DO NOTHING",
        segment=name,
    )
    rows = transaction.execute(
        f"SELECT taken FROM learnrelay_spool WHERE segment = :segment {transaction.dialect.lock}",  # noqa: S608
        segment=name,
    )
    return int(rows[0][0])
