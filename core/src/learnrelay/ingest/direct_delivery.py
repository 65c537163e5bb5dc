"""Sends statements to a destination at once, without an outbox in between, while its queue is empty and it takes them.

What an input reads can be read again, so the outbox has to hold only what a destination does not take now.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from ..config.models import Destination
from ..delivery.batch_size import BatchSize
from ..delivery.bisection import DeliveryResult, SendResult, deliver, tidy
from ..delivery.drain import POLL
from ..delivery.sender import Sender
from ..outbox.counters import add_counts
from ..outbox.database import Transaction
from ..outbox.intake import OutgoingStatement
from ..outbox.outbox import Outbox
from ..outbox.queue import Acknowledged, ClaimedDelivery, DeadLettered, Released, RetryLater
from ..outbox.spill import Undelivered, write_undelivered
from ..outbox.statistics import REQUEST, Timings
from ..sinks import Sink
from ..standards import Verdict

_NEW = 3600.0  # seconds; an older event comes from a log: its latency says nothing about ours
_SLOW = 1.0  # seconds of a request for which other destinations wait; a slower one gets the next from the outbox


@dataclass(slots=True)
class DirectResult:
    """Holds what became of statements that were sent: how many were stored, which wait, which a destination refused."""

    destination: str
    stored: int = 0
    waiting: list[OutgoingStatement] = field(default_factory=list)
    undelivered: list[Undelivered] = field(default_factory=list)
    timings: Timings = field(default_factory=Timings)

    def write(self, transaction: Transaction, now: float) -> None:
        """Writes what is known of them by now; those that wait are the caller's."""
        if self.undelivered:
            write_undelivered(transaction, self.destination, self.undelivered, now)
        if self.stored:
            add_counts(transaction, self.destination, accepted=self.stored, delivered=self.stored)
        self.timings.write(transaction, self.destination)


class DirectDelivery:
    """Sends to one destination, one request at a time. Not shared between threads.

    ``has_neighbours``: other destinations wait while this one is sent to.
    """

    def __init__(
        self,
        outbox: Outbox,
        destination: Destination,
        sink: Sink,
        is_stopping: Callable[[], bool],
        *,
        has_neighbours: bool,
    ) -> None:
        self.destination = destination
        self._clock = outbox.clock
        self._elapsed = outbox.elapsed
        self._queue = outbox.queue(destination.name)
        self._sender = Sender(sink, outbox.clock)
        self._batch_size = BatchSize(destination.batch.size)
        self._is_stopping = is_stopping
        self._has_neighbours = has_neighbours
        self._is_open = False
        self._look_at = -math.inf

    def is_open(self) -> bool:
        """Tells whether statements may be sent: nothing waits, and nothing fails. Raises OutboxError."""
        now = self._elapsed()
        if now >= self._look_at:
            snapshot = self._queue.take_snapshot(1)
            self._is_open = not (snapshot.waiting or snapshot.breaker.failures or snapshot.breaker.proven)
            self._look_at = now + POLL
        return self._is_open

    def send(self, statements: Sequence[OutgoingStatement]) -> DirectResult:
        """Sends statements, in one request if they are not too many. Never raises for what a consumer does."""
        result = DirectResult(self.destination.name)
        rows = tuple(
            ClaimedDelivery(place, statement.payload, 0, None, statement.statement_id)
            for place, statement in enumerate(statements)
        )
        outcome = self._deliver(rows, statements, result.timings)
        for settlement in outcome.settlements:
            match settlement:
                case Acknowledged(settled):
                    result.stored += len(settled)
                case Released(settled, _):
                    result.waiting += [statements[row.key] for row in settled]
                case RetryLater(row, _, reason):
                    result.undelivered.append(_undelivered(statements[row.key], reason, dead=False))
                case DeadLettered(row, reason, conflict):
                    result.undelivered.append(_undelivered(statements[row.key], reason, dead=True, conflict=conflict))
        if outcome.failure is not None or (self._has_neighbours and (self._sender.request_time or 0.0) > _SLOW):
            self._is_open, self._look_at = False, self._elapsed() + POLL
        return result

    def _deliver(
        self, rows: tuple[ClaimedDelivery, ...], statements: Sequence[OutgoingStatement], timings: Timings
    ) -> DeliveryResult:
        def send(part: tuple[ClaimedDelivery, ...]) -> SendResult:
            result = self._sender(part)
            timings.add(REQUEST, self._sender.request_time or 0.0)
            if result.verdict is Verdict.STORED:
                now = self._clock()
                times = (at.timestamp() for row in part if (at := statements[row.key].event_time) is not None)
                timings.add_latencies([at for at in times if now - at < _NEW], now)
            return result

        def retry_alone(row: ClaimedDelivery, result: SendResult) -> RetryLater | DeadLettered:
            if result.status and self.destination.retry.attempts == 1:
                return DeadLettered(row, result.full_reason)
            return RetryLater(row, self._clock(), tidy(result.reason))

        return deliver(rows, self._batch_size, send, retry_alone, self._is_stopping, proven=False)

    def close(self) -> None:
        """Closes the connections."""
        self._sender.close()


def _undelivered(statement: OutgoingStatement, reason: str, *, dead: bool, conflict: bool = False) -> Undelivered:
    return Undelivered(
        statement.standard,
        statement.statement_id,
        statement.event_name,
        statement.payload,
        1,
        reason,
        dead,
        conflict=conflict,
        event_time=statement.event_time,
        critical=statement.critical,
    )
