"""Takes deferred events through the pipeline, oldest first, and replaces them by their statements."""

from __future__ import annotations

import logging
import math
import threading
import time
from collections.abc import Callable, Sequence

import orjson

from ..config.models import Retry
from ..config.sealing import Seal, SealError
from ..events import EventReader, SourceEvent
from ..outbox.clocks import ClockGuard
from ..outbox.deferred import DeferredEvent, DeferredQueue, DeferredResults, ProcessedEvent
from ..outbox.looks import QueueLooks
from ..outbox.outbox import Outbox
from ..outbox.queue import DEFERRED, Claim
from ..pipeline.run import unavailable_provider
from .backoff import Backoff
from .drain import IMMEDIATELY, POLL, NextWake
from .engine import Wake
from .leases import LeaseKeeper

log = logging.getLogger("learnrelay.delivery")

_BATCH = 100  # events that one claim holds at most
_SLICE = 0.5  # seconds after which the results so far are stored, for look-ups may be slow
_RETRY = Retry(backoff=2.0, ceiling=60.0)

ProcessEvent = Callable[[SourceEvent], ProcessedEvent]
"""Takes an event through the pipeline."""


class DeferredWorker:
    """Works on the queue of deferred events. Not shared between threads."""

    name = DEFERRED

    def __init__(
        self,
        outbox: Outbox,
        reader: EventReader,
        process: ProcessEvent,
        standards: Sequence[str],
        seal: Seal,
        keeper: LeaseKeeper,
        wake: Wake,
    ) -> None:
        self._queue = DeferredQueue(outbox)
        self._looks = QueueLooks(outbox, DEFERRED)
        self._clock_guard = ClockGuard(outbox, DEFERRED, _RETRY.ceiling)
        self._reader = reader
        self._process = process
        self._standards = standards
        self._seal = seal
        self._keeper = keeper
        self._wake = wake
        self._backoff = Backoff(_RETRY)
        self._stopping = threading.Event()
        self._under_way: dict[str, None] = {}  # tokens of claims
        self._is_healthy = False  # not known: another process may have tripped the queue's circuit breaker
        self._idle_steps = 0  # in a row, in which a provider did not answer for any event
        self._failure_logged = False
        self._full_logged = False

    def step(self) -> NextWake:
        """Processes one claim. Raises OutboxError when the database fails; call it again later."""
        self.abandon()
        self._looks.record_if_due()
        self._clock_guard.check()
        claim = self._queue.claim_due(_BATCH)
        if not claim.rows:
            return NextWake(POLL)
        self._under_way[claim.token] = None
        with self._keeper.keep_renewed(self._queue, claim.token):
            results = self._process_claim(claim)
        put = self._queue.replace_events(claim, results, self._standards, self._backoff.wait)
        self._under_way.pop(claim.token, None)
        self._log_changes(results, is_full=put is None)
        if put is None:
            return NextWake(POLL, math.inf)
        for name, number in put.items():
            self._wake(name, number)
        return self._show_in_status(results)

    def _show_in_status(self, results: DeferredResults) -> NextWake:
        """Shows in the status of the queue that events wait for a provider, and that they do no more.

        Returns when to step again: while no event gets on, after a pause that grows from try to try.
        """
        if results.unavailable:
            self._is_healthy = False
            self._idle_steps = 0 if results.done else self._idle_steps + 1
            pause = self._backoff.wait(self._idle_steps) if self._idle_steps else 0.0
            self._queue.trip("unavailable", results.unavailable, lambda _: pause, probe=True)
            return NextWake(pause, math.inf) if pause else IMMEDIATELY
        if results.done and not self._is_healthy:
            self._queue.recover(proven=False)
            self._is_healthy, self._idle_steps = True, 0
        return IMMEDIATELY

    def _process_claim(self, claim: Claim) -> DeferredResults:
        results = DeferredResults()
        until = time.monotonic() + _SLICE
        for number, row in enumerate(claim.rows):
            if self._stopping.is_set() or (number and time.monotonic() > until):
                results.untried = claim.rows[number:]
                break
            try:
                content = orjson.loads(self._seal.open(row.payload))
                processed = self._process(DeferredEvent(content["body"], content["id"], self._reader))
                if unavailable := unavailable_provider(processed[0]):
                    results.unavailable = unavailable
                    results.failed.append((row, unavailable))
                    continue
                results.processed[row.key] = processed
                results.done.append(row)
            except SealError as error:
                results.failed.append((row, str(error)))
            except Exception as error:  # it must cost neither this event nor the others
                results.failed.append((row, f"the pipeline raised {type(error).__name__}"))
        return results

    def _log_changes(self, results: DeferredResults, *, is_full: bool) -> None:
        """Logs once that events stay in the queue, and once that they are processed again."""
        if results.failed and not self._failure_logged:
            log.error(
                "deferred events: %s (%d of %d); they are kept and tried again",
                results.failed[0][1],
                len(results.failed),
                len(results.failed) + len(results.done),
            )
        elif results.done and not results.failed and self._failure_logged:
            log.warning("deferred events: processed again")
        if is_full and not self._full_logged:
            log.warning("deferred events: the outbox is full (delivery.limit); they wait until there is room")
        self._failure_logged = bool(results.failed) or (self._failure_logged and not results.done)
        self._full_logged = is_full

    def stop(self) -> None:
        """Makes the event that is under way the last one. Any thread may call it."""
        self._stopping.set()

    def flush(self) -> None:
        """Does nothing: no event waits for others."""

    def abandon(self) -> None:
        """Frees the claims that are under way, or were when the database failed."""
        for token in list(self._under_way):
            self._queue.release_lease(token)
            self._under_way.pop(token, None)

    def close(self) -> None:
        """Does nothing: the worker has no connection of its own."""
