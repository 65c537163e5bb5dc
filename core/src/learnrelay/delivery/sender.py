"""One request to one destination: encode, send, judge. Drains and replays send through it."""

from __future__ import annotations

import math
import time
from collections.abc import Callable

from ..config.models import Destination
from ..standards import Judgement, Standard, Verdict, judge_status
from .backoff import retry_after, utc
from .http import ANSWER_LIMIT, Client, NoAnswerError, credentials
from .judging import Outcome, Rows

_WORDS = 4096  # bytes of an answer in which a consumer says something to people


class Sender:
    """Says what came of a batch. For one thread; others have their own.

    ``last_sent``: when (by ``clock``, seconds since 1970) it sent last; ``request_time``: seconds that took.
    """

    def __init__(self, destination: Destination, standard: Standard, clock: Callable[[], float] = time.time) -> None:
        self._standard = standard
        self._clock = clock
        self._client = Client(destination)
        self._auth = destination.auth
        self.last_sent = -math.inf
        self.request_time: float | None = None

    def __call__(self, rows: Rows) -> Outcome:
        """Send one request. Never raises for what a consumer or a standard's protocol does."""
        now = self.last_sent = self._clock()
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
            self.request_time = max(time.perf_counter() - started, 1e-6)
        reason = f"HTTP {answer.status}"
        try:
            judgement = self._standard.judge(answer)
        except Exception as error:
            judgement = Judgement(judge_status(answer.status))
            reason += f", which {self._standard.name} does not understand ({type(error).__name__})"
        verdict = judgement.verdict
        if verdict is Verdict.STORED and len(answer.body) >= ANSWER_LIMIT:
            verdict = Verdict.HALTED  # what it says was not read to the end
        if verdict is Verdict.HALTED and 200 <= answer.status < 300:
            reason += f", but not as a consumer of {self._standard.name} answers"
        return Outcome(
            verdict,
            reason,
            answer.status,
            retry_after(answer.headers.get("Retry-After"), now),
            words=self._hushed(judgement.reason or answer.body[:_WORDS].decode(errors="replace").strip()),
        )

    def _hushed(self, words: str) -> str:
        """What a consumer says without our credentials, should it repeat them."""
        for credential in credentials(self._auth):
            words = words.replace(credential, "***")
        return words

    def close(self) -> None:
        """Close the connections."""
        self._client.close()
