"""Limits how long the current thread may wait for a database."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

CALL_LIMIT = 30.0
"""Seconds for a transaction, its connection included, unless the caller has less or asks for more."""

_current = threading.local()


@contextmanager
def time_limit(seconds: float) -> Iterator[None]:
    """Limits the waits of this thread in the block to ``seconds`` together; a shorter limit around it remains."""
    outer = _deadline()
    _current.deadline = min(outer, time.monotonic() + seconds)
    try:
        yield
    finally:
        _current.deadline = outer


def remaining_time() -> float:
    """Returns the seconds that this thread may still wait, at least 0; infinite outside of `time_limit`."""
    return max(0.0, _deadline() - time.monotonic())


def _deadline() -> float:
    return getattr(_current, "deadline", math.inf)
