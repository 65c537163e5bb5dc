"""Measures how many statements a second each destination gets."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Mapping

SPAN = 60.0
"""Seconds over which a rate is measured."""
_MOST_SAMPLES = 1000


class RateMeter:
    """Computes rates from counters that only grow. Threads may share it. ``span``: seconds, see `SPAN`."""

    def __init__(self, span: float = SPAN) -> None:
        self._span = span
        self._lock = threading.Lock()
        self._samples: deque[tuple[float, Mapping[str, int]]] = deque(maxlen=_MOST_SAMPLES)

    def add(self, at: float, delivered: Mapping[str, int]) -> None:
        """Adds the counters of all destinations at a time in seconds."""
        with self._lock:
            self._samples.append((at, delivered))
            while len(self._samples) > 2 and self._samples[1][0] <= at - self._span:
                self._samples.popleft()

    def rate_of(self, destination: str) -> float | None:
        """Returns statements a second over the last span, or what there is of it; None before the second sample."""
        with self._lock:
            if len(self._samples) < 2:
                return None
            (begin, before), (end, after) = self._samples[0], self._samples[-1]
        if end <= begin:
            return None
        return max(0, after.get(destination, 0) - before.get(destination, 0)) / (end - begin)


def describe_rate(rate: float | None) -> str:
    """Formats a rate for people; empty for none."""
    if rate is None:
        return ""
    return f"{rate:.2g}/s" if rate < 99.5 else f"{rate:,.0f}/s"
