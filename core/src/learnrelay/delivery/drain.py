"""Drains one destination: claims a batch under a lease, sends it, acknowledges, retries or dead-letters its statements.

A circuit breaker pauses a destination that fails, and probes it. `Drainer.step` does one round and returns when to call
it again; it never sleeps. The embedded engine's threads and Celery's tasks run the same steps.
"""

from __future__ import annotations

import logging
import math
import random
import threading
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass

from ..config.models import Destination
from ..errors import OutboxError
from ..outbox.clocks import ClockGuard
from ..outbox.looks import QueueLooks
from ..outbox.outbox import Outbox
from ..outbox.queue import CircuitBreaker, Claim, ClaimedDelivery, DeadLettered, Released, RetryLater, Settlement
from ..outbox.statistics import REQUEST, Timings
from ..sinks import Repeats, Sink
from ..standards import Verdict
from .backoff import Backoff
from .batch_size import BatchSize
from .bisection import Deliveries, DeliveryResult, SendResult, deliver, tidy
from .leases import LeaseKeeper
from .sender import Sender

log = logging.getLogger("learnrelay.delivery")

POLL = 0.25
"""Seconds after which an idle drain looks again, for statements that other processes have put."""

_CLAIM_SECONDS = 0.2
"""Seconds of work that one claim may hold: a fast consumer gets several batches for one commit, and a killed worker
leaves no more than that to be sent again."""
_MAX_CLAIM = 2000  # statements; one batch in any case


@dataclass(frozen=True, slots=True)
class NextWake:
    """Tells when to step again: after ``seconds``, or when ``arrivals`` more statements have come in.

    ``partial_batch``: statements that do not fill a batch are sent when the time is over.
    """

    seconds: float
    arrivals: float = 1
    partial_batch: bool = False


IMMEDIATELY = NextWake(0.0, 0)


class Drainer:
    """Delivers one destination's statements, one round in each step. Not shared between threads.

    ``sink`` is the drain's own. ``rng`` is for tests; time comes from the outbox's clock.
    """

    def __init__(
        self,
        outbox: Outbox,
        destination: Destination,
        sink: Sink,
        keeper: LeaseKeeper,
        rng: random.Random | None = None,
    ) -> None:
        self.name = destination.name
        self.destination = destination
        self._clock = outbox.clock
        self._keeps_batches = sink.repeats is Repeats.BY_BATCH
        self._queue = outbox.queue(destination.name, keeps_batches=self._keeps_batches)
        self._looks = QueueLooks(outbox, destination.name)
        self._clock_guard = ClockGuard(outbox, destination.name, destination.retry.ceiling)
        self._sender = Sender(sink, outbox.clock)
        self._batch_size = BatchSize(destination.batch.size)
        self._backoff = Backoff(destination.retry, rng)
        self._keeper = keeper
        self._stopping = threading.Event()
        self._retry_next = True
        self._probing = False
        self._under_way: dict[str, None] = {}  # tokens of claims
        self._unsettled: deque[tuple[Claim, list[Settlement], Timings]] = deque()

    # --- one round --------------------------------------------------------------------------------------

    def step(self) -> NextWake:
        """Does the next round that is due. Raises OutboxError when the database fails; call it again later."""
        self._settle()
        self._looks.record_if_due()
        self._clock_guard.check()
        size, interval = self.destination.batch.size, self.destination.batch.interval
        if self._keeps_batches:  # each claim is one batch
            size = max_claim = self._batch_size.size
        else:
            batches = int(_CLAIM_SECONDS / (self._sender.request_time or _CLAIM_SECONDS))
            max_claim = size * max(1, min(_MAX_CLAIM // size, batches))
        snapshot = self._queue.take_snapshot(max_claim)
        breaker, now = snapshot.breaker, self._clock()
        if breaker.paused_until > now:
            return NextWake(min(breaker.paused_until - now, self.destination.retry.ceiling), math.inf)
        if breaker.failures:
            return self._deliver_and_settle(self._queue.claim_probe(), breaker)
        retry_due = snapshot.next_retry_at <= now
        interval_end = min(self._sender.last_sent, now) + interval
        ready = snapshot.waiting if now >= interval_end else snapshot.waiting - snapshot.waiting % size
        if retry_due and (self._retry_next or not ready):
            self._retry_next = False
            return self._deliver_and_settle(self._queue.claim_retry(), breaker, is_retry=True)
        self._retry_next = True
        if ready == max_claim > size and not breaker.proven:
            return self._drain_backlog(max_claim)
        if ready:
            return self._deliver_and_settle(self._queue.claim(ready), breaker)
        until_retry = snapshot.next_retry_at - now
        if snapshot.waiting:
            return NextWake(min(interval_end - now, until_retry), size - snapshot.waiting, partial_batch=True)
        return NextWake(min(POLL, until_retry))

    def _deliver_and_settle(self, claim: Claim, breaker: CircuitBreaker, *, is_retry: bool = False) -> NextWake:
        if not claim.rows:
            return NextWake(POLL)
        self._probing = probe = breaker.failures > 0
        result = self._deliver(claim, proven=breaker.proven or is_retry)
        self._settle()
        self._probing = False
        if result.failure:
            self._trip_breaker(result.failure, probe=probe)
        elif probe and any(isinstance(settlement, Released) for settlement in result.settlements):
            self._queue.release_probe()  # the drain stopped before it was sent
        elif probe:
            self._log_recovery(self._queue.recover(proven=True))
        elif breaker.proven and not is_retry:
            self._queue.recover(proven=False)
        return IMMEDIATELY

    def _drain_backlog(self, size: int) -> NextWake:
        """Sends one claim while the last one is settled and the next one made: for a backlog and a fast consumer."""
        claim = self._queue.claim(size)
        with ThreadPoolExecutor(1, f"learnrelay-{self.destination.name}-ahead") as executor:
            while len(claim.rows) == size:
                try:
                    following = executor.submit(self._settle_and_claim, size)
                except RuntimeError:  # the main thread has ended: no executor works any more
                    following = None
                result = self._deliver(claim, proven=False)
                claim = following.result() if following else self._settle_and_claim(size)
                if result.failure:
                    self._trip_breaker(result.failure, probe=False)
                if result.failure or self._stopping.is_set():
                    break
        if claim.rows:  # too few for full batches, or the drain stops
            self._unsettled.append((claim, [Released(claim.rows, tried=False)], Timings()))
        self._settle()
        return IMMEDIATELY

    def _settle_and_claim(self, size: int) -> Claim:
        self._settle()
        claim = self._queue.claim(size)
        self._under_way[claim.token] = None
        return claim

    def _deliver(self, claim: Claim, *, proven: bool) -> DeliveryResult:
        """Sends a claim, and leaves its settlements in ``_unsettled``."""
        self._under_way[claim.token] = None
        timings = Timings()

        def send(rows: Deliveries) -> SendResult:
            batch = claim.batch
            if batch and len(rows) < len(claim.rows):
                batch = self._queue.split(claim, rows)
            result = self._sender(rows, batch)
            timings.add(REQUEST, self._sender.request_time or 0.0)
            if result.verdict is Verdict.STORED:
                timings.add_latencies([row.event_time for row in rows], self._clock())
            return result

        with self._keeper.keep_renewed(self._queue, claim.token), self._forget_lost(claim):
            result = deliver(
                claim.rows,
                self._batch_size,
                send,
                self._retry_alone,
                self._stopping.is_set,
                proven=proven,
                keep_together=self._keeps_batches,
            )
        self._unsettled.append((claim, result.settlements, timings))
        return result

    @contextmanager
    def _forget_lost(self, claim: Claim) -> Iterator[None]:
        """Forgets a claim whose batch could not be split: its lease ends, or has ended, and it is claimed again."""
        try:
            yield
        except OutboxError:
            self._under_way.pop(claim.token, None)
            raise

    def _settle(self) -> None:
        """Writes the settlements; those that the database does not take now come first next time."""
        while self._unsettled:
            claim, settlements, timings = self._unsettled[0]
            self._queue.settle(claim, settlements, timings)
            self._unsettled.popleft()
            self._under_way.pop(claim.token, None)
            dead = [settlement for settlement in settlements if isinstance(settlement, DeadLettered)]
            if conflicts := [settlement for settlement in dead if settlement.conflict]:
                log.info(
                    "destination %s: %d statement(s) are there already with other content (%s): "
                    "learnrelay failed list --conflicts",
                    self.name,
                    len(conflicts),
                    _join_reasons(conflicts),
                )
            if given_up := [settlement for settlement in dead if not settlement.conflict]:
                log.warning(
                    "destination %s: %d statement(s) given up (%s), now dead letters: learnrelay failed list",
                    self.name,
                    len(given_up),
                    _join_reasons(given_up),
                )
            if delayed := [settlement for settlement in settlements if isinstance(settlement, RetryLater)]:
                log.info(
                    "destination %s: %d statement(s) failed alone (%s), tried again later",
                    self.name,
                    len(delayed),
                    _join_reasons(delayed),
                )

    def _retry_alone(self, row: ClaimedDelivery, result: SendResult) -> RetryLater | DeadLettered:
        attempts = row.attempts + 1
        if result.answered and attempts >= self.destination.retry.attempts:
            return DeadLettered(row, tidy(f"{result.full_reason}, {attempts} times"))
        wait = self._backoff.wait(attempts, result.retry_after)
        return RetryLater(row, self._clock() + wait, result.reason)

    # --- the circuit breaker ----------------------------------------------------------------------------

    def _trip_breaker(self, failure: SendResult, *, probe: bool) -> None:
        halted = failure.verdict is Verdict.HALTED
        is_news = self._queue.trip(
            f"halted: {failure.reason}" if halted else "unavailable",
            failure.reason,
            lambda failures: self._backoff.wait(failures, failure.retry_after),
            probe=probe,
        )
        if is_news and halted:
            log.error(
                "destination %s: halted, %s; everything is kept, it is tried again from time to time",
                self.destination.name,
                failure.reason,
            )
        elif is_news:
            log.warning("destination %s: unavailable, %s; everything is kept", self.destination.name, failure.reason)

    def _log_recovery(self, before: CircuitBreaker | None) -> None:
        if before:
            log.warning(
                "destination %s: recovered after %.0f s (was: %s)",
                self.destination.name,
                max(0.0, self._clock() - before.since),  # a clock that ran ahead may have been set
                before.reason,
            )

    def flush(self) -> None:
        """Sends one batch more, though it be partial, unless the destination is failing."""
        self._settle()
        size = self.destination.batch.size
        breaker = self._queue.take_snapshot(size).breaker
        if not breaker.failures:
            self._stopping.clear()
            self._deliver_and_settle(self._queue.claim(size), breaker)

    # --- the end ----------------------------------------------------------------------------------------

    def stop(self) -> None:
        """Makes the request that is under way the last one. Any thread may call it."""
        self._stopping.set()

    def abandon(self) -> None:
        """Frees the claims whose requests take too long to wait for."""
        for token in list(self._under_way):
            self._queue.release_lease(token)
        if self._probing:
            self._queue.release_probe()

    def close(self) -> None:
        """Closes the connections."""
        self._sender.close()


def _join_reasons(settlements: Iterable[DeadLettered | RetryLater]) -> str:
    """Joins our own reasons, which come first: a consumer's text may repeat a statement, and must not be logged."""
    return ", ".join(sorted({settlement.reason.partition(": ")[0] for settlement in settlements}))
