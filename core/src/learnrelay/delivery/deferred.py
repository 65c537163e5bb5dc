"""The deferred pipeline (``delivery.pipeline = "worker"``): emit() keeps an event, a worker makes statements of it.

What is kept is the event's declared fields, sealed. It lies in the outbox like a statement, for a queue of its own,
`DEFERRED`: so leases, the limit, counters and alerts are those of any destination. The worker opens the events,
oldest first, runs the pipeline, and in one transaction puts the statements and takes the events away: a worker
that dies before has done nothing, one that has lost its lease meanwhile cannot put anything.
"""

from __future__ import annotations

import logging
import math
import threading
import time
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import orjson

from ..config.models import Retry
from ..events import SourceEvent
from ..pipeline import Outcome
from ..pruning import Prune
from ..sealing import Seal, SealError
from ..tally import Tally
from .backoff import Backoff
from .database import Transaction
from .drain import AT_ONCE, POLL, Rest
from .engine import Wake
from .figures import Timings, write_outcomes
from .intake import Consignment, Parcel
from .leases import LeaseKeeper
from .ledger import total_waiting
from .outbox import Outbox
from .queue import DEFERRED, Claim, Claimed, Queue

log = logging.getLogger("learnrelay.delivery")

_BATCH = 100  # events that one claim holds at most
_SLICE = 0.5  # seconds after which what is done is put, for look-ups may be slow
_RETRY = Retry(backoff=2.0, ceiling=60.0)


class DeferredEvent(SourceEvent):
    """An event with its declared fields only, and the id of the whole."""

    __slots__ = ("_id", "_pruned")

    def __init__(self, body: dict[str, Any], event_id: str) -> None:
        super().__init__(body)
        self._pruned = body
        self._id = event_id

    @property
    def body(self) -> dict[str, Any]:
        """The event in the canonical shape, as far as it is declared."""
        return self._pruned

    @property
    def id(self) -> str:
        """The id that the whole event has."""
        return self._id


class Deferral:
    """The emitting side. Threads may share it."""

    def __init__(self, outbox: Outbox, prunes: Mapping[str, Prune], seal: Seal) -> None:
        """``prunes``: event name → what keeps of it what is declared; it is the allowlist."""
        self._outbox = outbox
        self._prunes = prunes
        self._seal = seal

    def put(self, event: SourceEvent) -> bool:
        """Keep an event, durably; False for one that is not to be kept. Raises OutboxError, OutboxFullError."""
        prune = self._prunes.get(event.name)
        if prune is None:
            return False
        try:
            content = orjson.dumps({"id": event.id, "body": prune(event.body)})
        except TypeError:  # nested deeper than can be written: no statement of it could be, the pipeline says so now
            return False
        now = datetime.fromtimestamp(self._outbox.clock(), UTC)  # not the event's: that is a field as any other
        self._outbox.put([Parcel("", uuid.uuid4().hex, "", self._seal.seal(content), (DEFERRED,), True, now)])
        return True


Made = tuple[list[Outcome], list[Parcel]]
Process = Callable[[SourceEvent], Made]
"""An event through the pipeline: what became of it, and what the outbox is to keep of that."""


@dataclass(slots=True)
class Work:
    """What came of a claim. ``made``: by key of the event, for those that are ``done``.

    ``kept``: events that could not be opened or processed, and why. ``left``: those that were not tried.
    """

    made: dict[int, Made] = field(default_factory=dict)
    done: list[Claimed] = field(default_factory=list)
    kept: list[tuple[Claimed, str]] = field(default_factory=list)
    left: tuple[Claimed, ...] = ()

    def parcels_of(self, keys: Iterable[int]) -> list[Parcel]:
        """What came of these events."""
        return [parcel for key in keys for parcel in self.made[key][1]]


class DeferredQueue(Queue):
    """The queue of deferred events."""

    def __init__(self, outbox: Outbox) -> None:
        super().__init__(outbox, DEFERRED)

    def claim_due(self, size: int) -> Claim:
        """Up to ``size`` events whose time has come, oldest first, tried before or not. May be empty."""
        due = "d.destination = :destination AND d.next_attempt <= :now AND d.lease_until <= :now"
        with self._database.transaction(durable=False) as transaction:
            return self._claim(transaction, due, size=size)

    def exchange(self, claim: Claim, work: Work, standards: Sequence[str], backoff: Backoff) -> dict[str, int] | None:
        """Put the statements of the events that are done in their place, and free the others of the claim.

        Gives the number of statements by destination, or None where the outbox has no room: then all are freed.
        What was accepted may go beyond the limit when no destination has anything that could make room.
        """
        now = self._outbox.clock()
        with self._database.transaction() as transaction:
            limit = self._outbox.settings.limit
            total = total_waiting(transaction, near=limit)
            growth = Consignment.of(work.parcels_of(row.key for row in work.done), now).size - len(work.done)
            if growth > 0 and total + growth > limit and total > self._waiting(transaction):
                self._release(transaction, claim.token, claim.rows)
                return None
            for row, reason in work.kept:
                at = now + backoff.wait(row.attempts + 1)
                self._release(transaction, claim.token, (row,), failed=1, at=at, reason=reason)
            if work.left:
                self._release(transaction, claim.token, work.left)
            mine = self._take_away(transaction, claim, tuple(work.done))
            consignment = Consignment.of(work.parcels_of(row.key for row in mine), now)
            consignment.write(transaction)
            tally, timings = Tally.of(list(standards)), Timings()
            for row in mine:
                tally.count(work.made[row.key][0])
            timings.add_latencies(mine, now)
            timings.write(transaction, self.destination)
            write_outcomes(transaction, tally.counted())
            self._count(transaction, waiting=-len(mine), delivered=len(mine), retried=len(work.kept))
        self._outbox.made_room()
        return {name: len(wanted) for name, wanted in consignment.deliveries.items()}

    def _waiting(self, transaction: Transaction) -> int:
        return int(
            transaction.execute(
                "SELECT COALESCE(SUM(waiting), 0) FROM learnrelay_tally WHERE destination = :destination",
                destination=self.destination,
            )[0][0]
        )

    def _take_away(self, transaction: Transaction, claim: Claim, rows: tuple[Claimed, ...]) -> list[Claimed]:
        """Remove what is still ours; what is another worker's by now is left to it."""
        if not rows:
            return []
        lock = "FOR UPDATE" if self._database.postgres else ""
        ours = {
            key
            for (key,) in transaction.execute(
                f"""SELECT key FROM learnrelay_delivery WHERE destination = :destination
                AND lease_owner = :token AND key BETWEEN :first AND :last {lock}""",  # noqa: S608
                **self._stretch(claim.token, rows),
            )
        }
        self._acknowledge(transaction, claim.token, rows)
        return [row for row in rows if row.key in ours]


class Worker:
    """Steps the queue of deferred events. For one thread; others have their own."""

    name = DEFERRED

    def __init__(
        self,
        outbox: Outbox,
        process: Process,
        standards: Sequence[str],
        seal: Seal,
        keeper: LeaseKeeper,
        wake: Wake,
    ) -> None:
        self._queue = DeferredQueue(outbox)
        self._process = process
        self._standards = standards
        self._seal = seal
        self._keeper = keeper
        self._wake = wake
        self._backoff = Backoff(_RETRY)
        self._stopping = threading.Event()
        self._under_way: dict[str, None] = {}  # tokens of claims
        self._complained = False
        self._full = False

    def step(self) -> Rest:
        """Process one claim. Raises OutboxError when the database fails; call it again later."""
        self.abandon()
        claim = self._queue.claim_due(_BATCH)
        if not claim.rows:
            return Rest(POLL)
        self._under_way[claim.token] = None
        with self._keeper.watch(self._queue, claim.token):
            work = self._work(claim)
        put = self._queue.exchange(claim, work, self._standards, self._backoff)
        self._under_way.pop(claim.token, None)
        self._tell(work, full=put is None)
        if put is None:
            return Rest(POLL, math.inf)
        for name, number in put.items():
            self._wake(name, number)
        return AT_ONCE

    def _work(self, claim: Claim) -> Work:
        work = Work()
        until = time.monotonic() + _SLICE
        for number, row in enumerate(claim.rows):
            if self._stopping.is_set() or (number and time.monotonic() > until):
                work.left = claim.rows[number:]
                break
            try:
                content = orjson.loads(self._seal.open(row.payload))
                work.made[row.key] = self._process(DeferredEvent(content["body"], content["id"]))
                work.done.append(row)
            except SealError as error:
                work.kept.append((row, str(error)))
            except Exception as error:  # neither the event nor the others are to be lost by it
                work.kept.append((row, f"the pipeline raised {type(error).__name__}"))
        return work

    def _tell(self, work: Work, *, full: bool) -> None:
        """Say it once when events stay where they are, and once when they do not any more."""
        if work.kept and not self._complained:
            log.error(
                "deferred events: %s (%d of %d); they are kept and tried again",
                work.kept[0][1],
                len(work.kept),
                len(work.kept) + len(work.done),
            )
        elif work.done and not work.kept and self._complained:
            log.warning("deferred events: processed again")
        if full and not self._full:
            log.warning("deferred events: the outbox is full (delivery.limit); they wait until there is room")
        self._complained = bool(work.kept) or (self._complained and not work.done)
        self._full = full

    def stop(self) -> None:
        """Let the event that is under way be the last one. Any thread may call it."""
        self._stopping.set()

    def abandon(self) -> None:
        """Return the leases of what is under way, or was when the database failed."""
        for token in list(self._under_way):
            self._queue.release(token)
            self._under_way.pop(token, None)

    def close(self) -> None:
        """Nothing is open."""
