"""What fails with each event is said at once, and then once a minute with a count: a log that floods is not read."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable
from threading import Lock

EVERY = 60.0
"""Seconds between two lines that say the same."""


class Complaints:
    """Logs errors in constant words (no value of an event, or each would be new). Threads may share it."""

    def __init__(self, log: logging.Logger, clock: Callable[[], float] = time.monotonic) -> None:
        self._log = log
        self._clock = clock
        self._lock = Lock()
        self._said: dict[str, tuple[float, int]] = {}  # words → when they were said last, how often they held since

    def __call__(self, words: str) -> None:
        """Log the words, unless they were logged less than `EVERY` seconds ago: then they are counted."""
        now = self._clock()
        with self._lock:
            when, since = self._said.get(words, (-math.inf, 0))
            is_due = now - when >= EVERY
            self._said[words] = (now, 0) if is_due else (when, since + 1)
        if is_due:
            self._log.error("%s%s", words, f" ({since:,} times more since this was said last)" if since else "")
