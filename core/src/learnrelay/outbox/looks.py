"""Records when a worker last looked at a queue, and which tasks for it the broker holds already.

All signs of life are in the database: so the emitting side and ``learnrelay status`` see when nobody delivers, and a
broker that nobody reads from holds one task for each queue, however many events come in.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

from .database import Transaction
from .store import Store

LOOK_INTERVAL = 10.0
"""Seconds between two records of an embedded worker that looks at a queue all the time."""

_CHANGE = """INSERT INTO learnrelay_look (queue, {columns}) VALUES (:queue, {values})
    ON CONFLICT (queue) DO UPDATE SET {changes}"""


def _upsert(**values: str) -> str:
    changes = ", ".join(f"{column} = excluded.{column}" for column in values)
    return _CHANGE.format(columns=", ".join(values), values=", ".join(values.values()), changes=changes)


_RECORD_LOOK = _upsert(looked_at=":now", requested="0")
_RECORD_REQUEST = f"{_upsert(requested='1')} WHERE learnrelay_look.requested = 0"
_CANCEL_REQUEST = "UPDATE learnrelay_look SET requested = 0 WHERE queue = :queue"
_RECORD_PLAN = f"{_upsert(planned_until=':until')} WHERE learnrelay_look.planned_until NOT BETWEEN :now AND :until"
_RECORD_CHECK = f"{_upsert(checked_at=':now')} WHERE learnrelay_look.checked_at NOT BETWEEN :before AND :now"


class QueueLooks:
    """Records the looks at one queue. All methods raise OutboxError when the database fails."""

    def __init__(self, store: Store, queue: str) -> None:
        self._store = store
        self._queue = queue
        self._recorded_at = float("-inf")

    def record(self) -> None:
        """Records that a worker looks at the queue now, before it reads what waits: a task requested later is needed.

        The request for a task is thereby met.
        """
        self._change(_RECORD_LOOK, now=self._store.clock())
        self._recorded_at = self._store.elapsed()

    def record_if_due(self) -> None:
        """Records a look, at most once in `LOOK_INTERVAL` seconds."""
        if self._store.elapsed() - self._recorded_at >= LOOK_INTERVAL:
            self.record()

    def request_task(self) -> bool:
        """Records that a task for this queue goes to the broker. False: one is there that no worker has begun."""
        with self._store.database.transaction(write=False) as transaction:
            rows = transaction.execute("SELECT requested FROM learnrelay_look WHERE queue = :queue", queue=self._queue)
        return rows != [(1,)] and self._change(_RECORD_REQUEST)

    def cancel_request(self) -> None:
        """Records that the broker did not take the task."""
        self._change(_CANCEL_REQUEST)

    def plan_task(self, seconds: float) -> bool:
        """Records that a task is to look at the queue in so many seconds. False: another one will do it by then."""
        now = self._store.clock()
        return self._change(_RECORD_PLAN, now=now, until=now + seconds)

    def _change(self, sql: str, **parameters: float) -> bool:
        with self._store.database.transaction(durable=False) as transaction:
            return transaction.change(sql, queue=self._queue, **parameters) > 0


def claim_check(store: Store, interval: float) -> bool:
    """Claims a check of all queues: True for one of all processes, once in ``interval`` seconds. Raises OutboxError."""
    now = store.clock()
    with store.database.transaction(durable=False) as transaction:
        return transaction.change(_RECORD_CHECK, queue="", now=now, before=now - interval) > 0


def read_looks(transaction: Transaction) -> dict[str, float]:
    """Reads when each queue was last looked at (queue → seconds since 1970)."""
    rows = transaction.execute("SELECT queue, looked_at FROM learnrelay_look WHERE looked_at > 0")
    return dict(rows)


def seconds_unattended(now: float, looked_at: float | None, oldest_age: float | None, *, leased: bool) -> float | None:
    """Returns for how long statements have been waiting in a queue and no worker has looked; None where none wait.

    ``leased``: a claim has not ended. It is a sign of life too: a slow consumer keeps a worker from the next look.
    """
    if leased or oldest_age is None:
        return None
    return min(math.inf if looked_at is None else max(0.0, now - looked_at), oldest_age)


_OLDEST = """SELECT taken FROM learnrelay_statement WHERE key =
    (SELECT MIN(key) FROM learnrelay_delivery WHERE destination = :queue)"""
_LATEST_LEASE = """SELECT MAX(lease_until) FROM (SELECT lease_until FROM learnrelay_delivery
    WHERE destination = :queue ORDER BY key LIMIT 10000) AS front"""  # a claim takes the oldest, 10,000 at most


def read_unattended(store: Store, queues: Iterable[str], limit: float) -> dict[str, float]:
    """Reads which queues have been unattended for ``limit`` seconds: queue → seconds. Raises OutboxError.

    However much waits, this costs little: a few look-ups, and the leases at the front of a queue that seems unattended.
    """
    now = store.clock()
    unattended = {}
    with store.database.transaction(write=False) as transaction:
        looks = read_looks(transaction)
        for queue in queues:
            looked_at = looks.get(queue)
            if looked_at is not None and now - looked_at < limit:
                continue
            if not (oldest := transaction.execute(_OLDEST, queue=queue)) or now - oldest[0][0] < limit:
                continue
            ((lease_until,),) = transaction.execute(_LATEST_LEASE, queue=queue)
            seconds = seconds_unattended(now, looked_at, now - oldest[0][0], leased=lease_until > now)
            if seconds is not None:
                unattended[queue] = seconds
    return unattended
