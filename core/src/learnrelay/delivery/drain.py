"""The way of one destination: look, claim, encode, send, judge, mark; pause and probe when it fails.

`Drainer.step` does one of these rounds and says how long to rest; it never sleeps. The embedded engine's
threads and Celery's tasks run the same steps.
"""

from __future__ import annotations

import logging
import math
import random
import threading
import time
from dataclasses import dataclass

from ..config.models import Destination
from ..standards import Judgement, Standard, Verdict, judge_status
from .backoff import Backoff, retry_after, utc
from .http import Client, NoAnswerError
from .judging import Outcome, Rows, deliver, tidy
from .leases import LeaseKeeper
from .outbox import Outbox
from .queue import Breaker, Claim, Claimed, Dead, Later, Mark

log = logging.getLogger("learnrelay.delivery")

POLL = 0.25
"""Seconds after which an idle drain looks again by itself, for what other processes have put."""

_AHEAD = 0.02
"""Seconds of work that one claim may hold: a fast consumer gets several batches for one commit, and a killed
worker leaves no more than that to be sent again."""
_MOST_AHEAD = 8


@dataclass(frozen=True, slots=True)
class Rest:
    """Nothing to do for ``seconds``, unless ``arrivals`` more statements come in."""

    seconds: float
    arrivals: float = 1


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
        self.destination = destination
        self._standard = standard
        self._clock = outbox.clock
        self._queue = outbox.queue(destination.name)
        self._client = Client(destination)
        self._backoff = Backoff(destination.retry, rng)
        self._keeper = keeper
        self._stopping = threading.Event()
        self._last_sent = -math.inf
        self._request_time = _AHEAD  # one batch, until the consumer shows that it is faster
        self._suspect_next = True
        self._under_way: Claim | None = None
        self._owed: tuple[Claim, list[Mark]] | None = None

    # --- one round --------------------------------------------------------------------------------------

    def step(self) -> Rest:
        """Do the next thing that is due. Raises OutboxError when the database fails; call it again later."""
        if self._owed:
            self._settle(*self._owed)
        size, interval = self.destination.batch.size, self.destination.batch.interval
        most = size * max(1, min(_MOST_AHEAD, int(_AHEAD / self._request_time)))
        glance = self._queue.glance(most)
        breaker, now = glance.breaker, self._clock()
        if breaker.paused_until > now:
            return Rest(breaker.paused_until - now, math.inf)
        if breaker.failures:
            return self._round(self._queue.claim_probe(), breaker)
        suspect_due = glance.suspect_at <= now
        tail_at = min(self._last_sent, now) + interval
        ready = glance.waiting if now >= tail_at else glance.waiting - glance.waiting % size
        if suspect_due and (self._suspect_next or not ready):
            self._suspect_next = False
            return self._round(self._queue.claim_suspect(), breaker, suspect=True)
        self._suspect_next = True
        if ready:
            return self._round(self._queue.claim(ready), breaker)
        until_suspect = glance.suspect_at - now
        if glance.waiting:
            return Rest(min(tail_at - now, until_suspect), size - glance.waiting)
        return Rest(min(POLL, until_suspect))

    def _round(self, claim: Claim, breaker: Breaker, *, suspect: bool = False) -> Rest:
        if not claim.rows:
            return Rest(POLL)
        probe = breaker.failures > 0
        self._under_way = claim
        with self._keeper.watch(self._queue, claim.token):
            result = deliver(
                claim.rows,
                self.destination.batch.size,
                self._send,
                self._aside,
                self._stopping.is_set,
                proven=breaker.proven or suspect,
            )
            self._settle(claim, result.marks)
        if result.trouble:
            self._trip(result.trouble, probe=probe)
        elif probe and not self._stopping.is_set():
            self._recovered(self._queue.recover(proven=True))
        elif breaker.proven and not suspect:
            self._queue.recover(proven=False)
        return AT_ONCE

    def _settle(self, claim: Claim, marks: list[Mark]) -> None:
        """Mark; what the database does not take now is owed, and comes first next time."""
        self._owed = (claim, marks)
        self._queue.settle(claim, marks)
        self._owed = self._under_way = None
        if given_up := sum(isinstance(mark, Dead) for mark in marks):
            log.warning("destination %s: %d statement(s) given up, now dead letters", self.destination.name, given_up)

    def _send(self, rows: Rows) -> Outcome:
        now = self._clock()
        self._last_sent = now
        try:
            request = self._standard.encode([row.payload for row in rows], utc(now))
        except Exception as error:
            return Outcome(Verdict.REFUSED, f"{self._standard.name} cannot encode it ({type(error).__name__})")
        started = time.perf_counter()
        try:
            answer = self._client.post(request)
        except NoAnswerError as error:
            return Outcome(Verdict.RETRY, error.reason, reached=error.sent)
        finally:
            self._request_time = max(time.perf_counter() - started, 1e-6)
        try:
            judgement = self._standard.judge(answer)
        except Exception as error:
            judgement = Judgement(judge_status(answer.status), f"answer not understood ({type(error).__name__})")
        words = tidy(f"{answer.status} {judgement.reason}")
        return Outcome(judgement.verdict, words, answer.status, retry_after(answer.headers.get("Retry-After"), now))

    def _aside(self, row: Claimed, outcome: Outcome) -> Later | Dead:
        attempts = row.attempts + 1
        if outcome.status and attempts >= self.destination.retry.attempts:
            return Dead(row, tidy(f"{outcome.reason}, {attempts} times"))
        wait = self._backoff.wait(attempts, outcome.asked)
        return Later(row, self._clock() + wait, tidy(outcome.reason))

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
        """Return the lease of a request that takes too long to wait for."""
        if claim := self._under_way:
            self._queue.release(claim.token)

    def close(self) -> None:
        """Close the connections."""
        self._client.close()
