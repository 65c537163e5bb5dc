"""Computes waits before the next try: exponential, with full jitter, bounded."""

from __future__ import annotations

import random

from ..config.models import Retry


class Backoff:
    """Computes the waits of one destination. ``rng`` is injected for tests."""

    def __init__(self, retry: Retry, rng: random.Random | None = None) -> None:
        self._retry = retry
        self._random = rng or random.Random()  # noqa: S311

    def wait(self, failures: int, retry_after: float = 0.0) -> float:
        """Returns the seconds to wait after ``failures`` in a row (1 or more).

        Anything between 0 and backoff · 2^(failures-1), so that workers that failed together do not come back
        together; at least ``retry_after``, which the consumer asked for; at most the ceiling, also when it asked for
        more.
        """
        ceiling = self._retry.ceiling
        most = min(ceiling, self._retry.backoff * 2.0 ** min(failures - 1, 60))
        return min(ceiling, max(retry_after, self._random.uniform(0.0, most)))
