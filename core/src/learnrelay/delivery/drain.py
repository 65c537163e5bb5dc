"""The way of one destination: look, claim, encode, send, judge, mark; pause and probe when it fails.

`Drainer.step` does one of these rounds and says how long to rest; it never sleeps. The embedded engine's
threads and Celery's tasks run the same steps.
"""

from __future__ import annotations

import logging
import math
import random
import threading
from collections import deque
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from ..config.models import Destination
from ..standards import Standard, Verdict
from .backoff import Backoff
from .figures import REQUEST, Timings
from .judging import Outcome, Round, Rows, deliver, tidy
from .leases import LeaseKeeper
from .outbox import Outbox
from .queue import Breaker, Claim, Claimed, Dead, Later, Mark, Returned
from .sender import Sender
from .sizing import BatchSize

log = logging.getLogger("learnrelay.delivery")

POLL = 0.25
"""Seconds after which an idle drain looks again by itself, for what other processes have put."""

_AHEAD = 0.2
"""Seconds of work that one claim may hold: a fast consumer gets several batches for one commit, and a killed
worker leaves no more than that to be sent again."""
_MOST_AHEAD = 2000  # statements; one batch in any case


@dataclass(frozen=True, slots=True)
class Rest:
    """Nothing to do for ``seconds``, unless ``arrivals`` more statements come in.

    ``tail``: statements wait for company, and go when the time is over.
    """

    seconds: float
    arrivals: float = 1
    tail: bool = False


AT_ONCE = Rest(0.0, 0)


class Drainer:
    """Delivers one destination's statements, one round at a step. For one thread; others have their own.

    ``rng`` is for tests; time comes from the outbox's clock.
    """

    def __init__(
        self,
        outbox: Outbox,
        destination: Destination,
        standard: Standard,
        keeper: LeaseKeeper,
        rng: random.Random | None = None,
    ) -> None:
        self.name = destination.name
        self.destination = destination
        self._clock = outbox.clock
        self._queue = outbox.queue(destination.name)
        self._sender = Sender(destination, standard, outbox.clock)
        self._sizes = BatchSize(destination.batch.size)
        self._backoff = Backoff(destination.retry, rng)
        self._keeper = keeper
        self._stopping = threading.Event()
        self._suspect_next = True
        self._probing = False
        self._under_way: dict[str, None] = {}  # tokens of claims
        self._owed: deque[tuple[Claim, list[Mark], Timings]] = deque()

    # --- one round --------------------------------------------------------------------------------------

    def step(self) -> Rest:
        """Do the next thing that is due. Raises OutboxError when the database fails; call it again later."""
        self._settle()
        size, interval = self.destination.batch.size, self.destination.batch.interval
        most = size * max(1, min(_MOST_AHEAD // size, int(_AHEAD / (self._sender.request_time or _AHEAD))))
        glance = self._queue.glance(most)
        breaker, now = glance.breaker, self._clock()
        if breaker.paused_until > now:
            return Rest(breaker.paused_until - now, math.inf)
        if breaker.failures:
            return self._round(self._queue.claim_probe(), breaker)
        suspect_due = glance.suspect_at <= now
        tail_at = min(self._sender.last_sent, now) + interval
        ready = glance.waiting if now >= tail_at else glance.waiting - glance.waiting % size
        if suspect_due and (self._suspect_next or not ready):
            self._suspect_next = False
            return self._round(self._queue.claim_suspect(), breaker, suspect=True)
        self._suspect_next = True
        if ready == most > size and not breaker.proven:
            return self._catch_up(most)
        if ready:
            return self._round(self._queue.claim(ready), breaker)
        until_suspect = glance.suspect_at - now
        if glance.waiting:
            return Rest(min(tail_at - now, until_suspect), size - glance.waiting, tail=True)
        return Rest(min(POLL, until_suspect))

    def _round(self, claim: Claim, breaker: Breaker, *, suspect: bool = False) -> Rest:
        if not claim.rows:
            return Rest(POLL)
        self._probing = probe = breaker.failures > 0
        result = self._deliver(claim, proven=breaker.proven or suspect)
        self._settle()
        self._probing = False
        if result.trouble:
            self._trip(result.trouble, probe=probe)
        elif probe and any(isinstance(mark, Returned) for mark in result.marks):  # stopped before it was sent
            self._queue.return_probe()
        elif probe:
            self._recovered(self._queue.recover(proven=True))
        elif breaker.proven and not suspect:
            self._queue.recover(proven=False)
        return AT_ONCE

    def _catch_up(self, size: int) -> Rest:
        """A backlog and a fast consumer: while one claim is sent, the last one is marked and the next one made."""
        claim = self._queue.claim(size)
        with ThreadPoolExecutor(1, f"learnrelay-{self.destination.name}-ahead") as ahead:
            while len(claim.rows) == size:
                following = ahead.submit(self._ahead, size)
                result = self._deliver(claim, proven=False)
                claim = following.result()
                if result.trouble:
                    self._trip(result.trouble, probe=False)
                if result.trouble or self._stopping.is_set():
                    break
        if claim.rows:  # too few for full batches, or not wanted any more
            self._owed.append((claim, [Returned(claim.rows, tried=False)], Timings()))
        self._settle()
        return AT_ONCE

    def _ahead(self, size: int) -> Claim:
        self._settle()
        claim = self._queue.claim(size)
        self._under_way[claim.token] = None
        return claim

    def _deliver(self, claim: Claim, *, proven: bool) -> Round:
        """Send a claim; what became of it is owed to the outbox."""
        self._under_way[claim.token] = None
        timings = Timings()

        def send(rows: Rows) -> Outcome:
            outcome = self._sender(rows)
            timings.add(REQUEST, self._sender.request_time or 0.0)
            if outcome.verdict is Verdict.STORED:
                timings.add_latencies(rows, self._clock())
            return outcome

        with self._keeper.watch(self._queue, claim.token):
            result = deliver(claim.rows, self._sizes, send, self._aside, self._stopping.is_set, proven=proven)
        self._owed.append((claim, result.marks, timings))
        return result

    def _settle(self) -> None:
        """Mark what is owed; what the database does not take now comes first next time."""
        while self._owed:
            claim, marks, timings = self._owed[0]
            self._queue.settle(claim, marks, timings)
            self._owed.popleft()
            self._under_way.pop(claim.token, None)
            if given_up := [mark for mark in marks if isinstance(mark, Dead)]:
                log.warning(
                    "destination %s: %d statement(s) given up (%s), now dead letters: learnrelay failed list",
                    self.name,
                    len(given_up),
                    _causes(given_up),
                )
            if delayed := [mark for mark in marks if isinstance(mark, Later)]:
                log.info(
                    "destination %s: %d statement(s) failed by themselves (%s), tried again later",
                    self.name,
                    len(delayed),
                    _causes(delayed),
                )

    def _aside(self, row: Claimed, outcome: Outcome) -> Later | Dead:
        attempts = row.attempts + 1
        if outcome.status and attempts >= self.destination.retry.attempts:
            return Dead(row, tidy(f"{outcome.in_full}, {attempts} times"))
        wait = self._backoff.wait(attempts, outcome.asked)
        return Later(row, self._clock() + wait, outcome.reason)

    # --- the destination's health -----------------------------------------------------------------------

    def _trip(self, outcome: Outcome, *, probe: bool) -> None:
        halted = outcome.verdict is Verdict.HALTED
        news = self._queue.trip(
            f"halted {outcome.status}" if halted else "unavailable",
            outcome.reason,
            lambda failures: self._backoff.wait(failures, outcome.asked),
            probe=probe,
        )
        if news and halted:
            log.error(
                "destination %s: halted, %s; everything is kept, it is tried again from time to time",
                self.destination.name,
                outcome.reason,
            )
        elif news:
            log.warning("destination %s: unavailable, %s; everything is kept", self.destination.name, outcome.reason)

    def _recovered(self, before: Breaker | None) -> None:
        if before:
            log.warning(
                "destination %s: well again after %.0f s (was: %s)",
                self.destination.name,
                self._clock() - before.since,
                before.reason,
            )

    # --- the end ----------------------------------------------------------------------------------------

    def stop(self) -> None:
        """Let the request that is under way be the last one. Any thread may call it."""
        self._stopping.set()

    def abandon(self) -> None:
        """Return the leases of requests that take too long to wait for."""
        for token in list(self._under_way):
            self._queue.release(token)
        if self._probing:
            self._queue.return_probe()

    def close(self) -> None:
        """Close the connections."""
        self._sender.close()


def _causes(marks: Iterable[Dead | Later]) -> str:
    """Our own words, which come first: a consumer's may repeat a statement, and have no place in a log."""
    return ", ".join(sorted({mark.reason.partition(": ")[0] for mark in marks}))
