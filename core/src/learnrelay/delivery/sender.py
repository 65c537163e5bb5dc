"""Gives rows to a sink as a batch, and its answer to the bisection. Drains and replays send through it."""

from __future__ import annotations

import math
import time
from collections.abc import Callable

from .. import forks
from ..config.secrets import find_secrets
from ..errors import SinkError
from ..outbox.store import utc
from ..sinks import Batch, Sink, SinkAnswer
from ..standards import SerializedStatement, Verdict
from .batch_spans import record_batch
from .bisection import Deliveries, SendResult


class Sender:
    """Sends batches through one sink, which it opens and closes. Not shared between threads.

    ``last_sent``: when (by ``clock``, seconds since 1970) the last batch began; ``request_time``: its seconds.
    """

    def __init__(self, sink: Sink, clock: Callable[[], float] = time.time) -> None:
        self.sink = sink
        self._clock = clock
        self._secrets = [secret for _, secret in find_secrets(sink.settings)]
        self._is_open = False
        self.last_sent = -math.inf
        self.request_time: float | None = None

    def __call__(self, rows: Deliveries, batch_id: str = "") -> SendResult:
        """Sends one batch. Never raises for what a sink or a consumer does."""
        started = time.perf_counter()
        try:
            result = self._send(rows, batch_id)
        finally:
            self.request_time = max(time.perf_counter() - started, 1e-6)
        record_batch(self.sink, len(rows), self.request_time, result)
        return result

    def _send(self, rows: Deliveries, batch_id: str) -> SendResult:
        now = self.last_sent = self._clock()
        batch = Batch([SerializedStatement(row.statement_id, row.payload) for row in rows], batch_id, utc(now))
        try:
            with forks.no_fork():
                if not self._is_open:
                    self.sink.open()
                    self._is_open = True
                answer = self.sink.send(batch)
        except SinkError as error:
            return SendResult(Verdict.RETRY, self._mask(str(error)), reached=False, answered=False)
        except Exception as error:
            return SendResult(Verdict.RETRY, f"the sink {self.sink.name} failed ({type(error).__name__})")
        return self._translate(answer, rows)

    def _translate(self, answer: SinkAnswer, rows: Deliveries) -> SendResult:
        """Returns the answer in keys of rows, without secrets."""
        reason, text, unnamed = answer.reason, answer.consumer_text, frozenset[int]()
        if answer.stored is not None and answer.verdict is Verdict.STORED:
            known = {*answer.stored, *answer.refused}
            unnamed = frozenset(row.key for row in rows if row.statement_id not in known)
            if unnamed:
                reason += ", but the answer does not name the statement"
        refused = {}
        if answer.refused:
            refused = {
                row.key: self._mask(answer.refused[row.statement_id])
                for row in rows
                if row.statement_id in answer.refused
            }
        if self._secrets:
            reason, text = self._mask(reason), self._mask(text)
        return SendResult(
            answer.verdict,
            reason,
            answer.status,
            answer.retry_after,
            reached=answer.reached,
            answered=answer.answered,
            consumer_text=text,
            unnamed=unnamed,
            refused=refused,
        )

    def _mask(self, text: str) -> str:
        """Replaces the secrets of the destination in a text, should the consumer repeat them."""
        for secret in self._secrets:
            text = text.replace(secret.reveal(), "***")
        return text

    def close(self) -> None:
        """Closes the sink; the next batch opens it again."""
        if self._is_open:
            self._is_open = False
            self.sink.close()
