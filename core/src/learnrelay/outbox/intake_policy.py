"""Decides where emit() stores statements: in the database, or in the spool of this process (``delivery.intake``).

``delivery.full`` says what happens when the database is full or cannot be reached.
"""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence

from ..errors import OutboxError, OutboxFullError
from ..logs import ThrottledLogger
from .intake import OutgoingStatement
from .outbox import Outbox
from .queue import SPOOL
from .spool import SpoolRecord

_PAUSE = 5.0  # seconds for which a database that failed is not asked again, unless emit() may block

log_refusal = ThrottledLogger(logging.getLogger("learnrelay.delivery"))


class Intake:
    """Stores the statements of emit(). Threads may share it."""

    def __init__(self, outbox: Outbox, count_refusals: Callable[[str, int], None]) -> None:
        """Takes as ``count_refusals`` a function that counts events which could not be stored, by reason."""
        self._outbox = outbox
        self._settings = outbox.settings
        self._count_refusals = count_refusals
        self._failure: tuple[type[OutboxError], str] | None = None
        self._retry_at = 0.0  # until then a database that failed is left alone

    def put(self, statements: Iterable[OutgoingStatement], events: int = 1) -> Counter[str]:
        """Stores all statements of so many events or none, durably. Returns how many there are for each queue.

        Raises OutboxFullError or OutboxError, within ``delivery.wait``; then nothing is stored, and that is counted.
        """
        batch = [statement for statement in statements if statement.destinations]
        if not batch:
            return Counter()
        try:
            if self._settings.intake == "spool":
                return self._spool(batch)
            return self._put(batch)
        except OutboxError as error:
            place = "spool" if self._settings.spools else "outbox"  # where the last attempt was
            reason = f"the {place} {'is full' if isinstance(error, OutboxFullError) else 'fails'}"
            self._count_refusals(reason, events)
            log_refusal(f"an event was not stored, {reason}: {error}")
            raise

    def _put(self, batch: Sequence[OutgoingStatement]) -> Counter[str]:
        is_patient = self._settings.full == "block"
        try:
            if (failure := self._failure) is not None and not is_patient and self._retry_at > time.monotonic():
                kind, text = failure  # an error raised again would keep the frames of all who raised it
                raise kind(text)
            self._outbox.put(batch, is_patient=is_patient)
        except OutboxFullError:
            if self._settings.full != "spool":
                raise
            return self._spool(batch)
        except OutboxError as error:
            if self._failure is None or self._retry_at <= time.monotonic():
                self._failure, self._retry_at = (type(error), str(error)), time.monotonic() + _PAUSE
            if self._settings.full != "spool":
                raise
            return self._spool(batch)
        self._failure = None
        return Counter(name for statement in batch for name in statement.destinations)

    def _spool(self, batch: Sequence[OutgoingStatement]) -> Counter[str]:
        self._outbox.spool.append(SpoolRecord(batch))
        return Counter({SPOOL: 1})
