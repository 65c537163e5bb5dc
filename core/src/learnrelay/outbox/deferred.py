"""Keeps events that wait for the pipeline in a worker (``delivery.pipeline = "worker"``).

An event is kept with its declared fields only, sealed. It is stored like a statement, for a queue of its own,
`DEFERRED`: so leases, the limit, counters and alerts are those of any destination. The worker
(`delivery.deferred_worker`) claims events and replaces them by their statements in one transaction: a worker that
dies before that has changed nothing, and one that has lost its lease meanwhile cannot put anything.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson

from ..config.sealing import Seal
from ..events import EventReader, SourceEvent
from ..mapping import ANY_EVENT
from ..pipeline.outcome_counts import OutcomeCounts
from ..pipeline.run import Outcome
from ..privacy.pruning import Prune
from .counters import count_waiting
from .database import Transaction, retry_deadlocks
from .intake import InsertBatch, OutgoingStatement
from .queue import DEFERRED, Claim, ClaimedDelivery, Queue
from .statistics import Timings, write_outcomes
from .store import Clock, Store, utc


class DeferredEvent(SourceEvent):
    """Holds the declared fields of an event, and the id of the whole event."""

    __slots__ = ("_id",)

    def __init__(self, body: dict[str, Any], event_id: str, reader: EventReader) -> None:
        super().__init__(body, reader, body)
        self._id = event_id

    @property
    def id(self) -> str:
        """Returns the id of the whole event."""
        return self._id


class Deferral:
    """Makes the rows of the deferred queue, on the emitting side. Threads may share it."""

    def __init__(self, clock: Clock, prunes: Mapping[str, Prune], seal: Seal) -> None:
        """Takes as ``prunes``: event name → function that keeps the declared fields; the names are the allowlist."""
        self._clock = clock
        self._prunes = prunes
        self._seal = seal

    def seal(self, event: SourceEvent) -> OutgoingStatement | None:
        """Returns the row of an event, sealed; None for an event that is not kept."""
        prune = self._prunes.get(event.name) or self._prunes.get(ANY_EVENT)
        if prune is None:
            return None
        try:
            content = orjson.dumps({"id": event.id, "body": prune(event.body)})
        except TypeError:  # nested too deep to be written: so would be its statement, and the pipeline reports that now
            return None
        now = utc(self._clock())  # not the event's: its time is a field like any other
        return OutgoingStatement("", uuid.uuid4().hex, "", self._seal.seal(content), (DEFERRED,), True, now)


ProcessedEvent = tuple[list[Outcome], list[OutgoingStatement]]
"""The outcomes of an event, and its statements for the outbox."""


@dataclass(slots=True)
class DeferredResults:
    """Holds the results of a claim of events.

    ``processed``: by key of the event, for those that are ``done``. ``failed``: events that could not be opened or
    processed, and why. ``unavailable``: the provider for which some of these wait. ``untried``: events that the worker
    did not reach.
    """

    processed: dict[int, ProcessedEvent] = field(default_factory=dict)
    done: list[ClaimedDelivery] = field(default_factory=list)
    failed: list[tuple[ClaimedDelivery, str]] = field(default_factory=list)
    unavailable: str = ""
    untried: tuple[ClaimedDelivery, ...] = ()

    def statements_of(self, rows: Iterable[ClaimedDelivery]) -> list[OutgoingStatement]:
        """Returns the statements of these events."""
        return [statement for row in rows for statement in self.processed[row.key][1]]


class DeferredQueue(Queue):
    """Claims deferred events and replaces them by their statements."""

    def __init__(self, store: Store) -> None:
        super().__init__(store, DEFERRED)

    @retry_deadlocks
    def claim_due(self, size: int) -> Claim:
        """Claims up to ``size`` events that are due, oldest first, tried before or not. The claim may be empty."""
        due = "d.destination = :destination AND d.next_attempt <= :now AND d.lease_until <= :now"
        with self._database.transaction(durable=False) as transaction:
            return self._claim(transaction, due, size=size)

    @retry_deadlocks
    def replace_events(
        self, claim: Claim, results: DeferredResults, standards: Sequence[str], wait: Callable[[int], float]
    ) -> dict[str, int] | None:
        """Replaces the events that are done by their statements, and frees the other events of the claim.

        ``wait``: failures of an event → seconds until it is tried again. Returns the number of statements by
        destination, or None where the outbox has no room: then all events are freed. Accepted statements may go beyond
        the limit when no destination has anything that could make room.
        """
        now = self._store.clock()
        with self._database.transaction() as transaction:
            limit = self._store.settings.limit
            total = count_waiting(transaction, near=limit)
            growth = InsertBatch.of(results.statements_of(results.done), now).size - len(results.done)
            if growth > 0 and total + growth > limit and total > self._count_events(transaction):
                self._release(transaction, claim.token, claim.rows)
                return None
            for row, reason in results.failed:
                at = now + wait(row.attempts + 1)
                self._release(transaction, claim.token, (row,), failed=1, at=at, reason=reason)
            if results.untried:
                self._release(transaction, claim.token, results.untried)
            replaced = self._delete_events(transaction, claim, tuple(results.done))
            batch = InsertBatch.of(results.statements_of(replaced), now)
            batch.write(transaction)
            counts, timings = OutcomeCounts.of(list(standards)), Timings()
            for row in replaced:
                counts.count(results.processed[row.key][0])
            timings.add_latencies([row.event_time for row in replaced], now)
            timings.write(transaction, self.destination)
            write_outcomes(transaction, counts.counted())
            self._count(transaction, waiting=-len(replaced), delivered=len(replaced), retried=len(results.failed))
        self._store.made_room()
        return {name: len(deliveries) for name, deliveries in batch.deliveries.items()}

    def _count_events(self, transaction: Transaction) -> int:
        return int(
            transaction.execute(
                "SELECT COALESCE(SUM(waiting), 0) FROM learnrelay_delivery_counter WHERE destination = :destination",
                destination=self.destination,
            )[0][0]
        )

    def _delete_events(
        self, transaction: Transaction, claim: Claim, rows: tuple[ClaimedDelivery, ...]
    ) -> list[ClaimedDelivery]:
        """Deletes the events that this claim still holds, and returns them; the others are another worker's by now."""
        if not rows:
            return []
        held = {
            key
            for (key,) in transaction.execute(
                f"""SELECT key FROM learnrelay_delivery WHERE destination = :destination
                AND lease_owner = :token AND key BETWEEN :first AND :last {transaction.dialect.lock}""",  # noqa: S608
                **self._key_range(claim.token, rows),
            )
        }
        self._acknowledge(transaction, claim.token, rows)
        return [row for row in rows if row.key in held]


def deferred_reasons(store: Store) -> dict[str, int]:
    """Counts the events that are still deferred by the reason of their last try; empty without one.

    Raises OutboxError.
    """
    with store.database.transaction(write=False) as transaction:
        rows = transaction.execute(
            """SELECT reason, COUNT(*) FROM learnrelay_delivery WHERE destination = :queue
            GROUP BY reason ORDER BY reason""",
            queue=DEFERRED,
        )
    return {reason: int(number) for reason, number in rows}
