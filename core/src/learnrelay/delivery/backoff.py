"""How long to wait before the next try: exponential, with full jitter, bounded."""

from __future__ import annotations

import random
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from ..config.models import Retry


class Backoff:
    """Waits of one destination. ``rng`` is injected for tests."""

    def __init__(self, retry: Retry, rng: random.Random | None = None) -> None:
        self._retry = retry
        self._random = rng or random.Random()  # noqa: S311

    def wait(self, failures: int, asked: float = 0.0) -> float:
        """Seconds after so many failures in a row (1 or more).

        Anything between 0 and backoff · 2^(failures-1), so that workers that failed together do not come back
        together; at least what the consumer ``asked`` for; at most the ceiling, also when it asked for more.
        """
        ceiling = self._retry.ceiling
        most = min(ceiling, self._retry.backoff * 2.0 ** min(failures - 1, 60))
        return min(ceiling, max(asked, self._random.uniform(0.0, most)))


def retry_after(value: str | None, now: float) -> float:
    """Seconds that a ``Retry-After`` header asks for (RFC 9110, 10.2.3: seconds or a date), or 0."""
    text = (value or "").strip()
    if text.isascii() and text.isdigit():
        return float(text[:9])
    try:
        date = parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return 0.0
    return max(0.0, (date if date.tzinfo else date.replace(tzinfo=UTC)).timestamp() - now)


def utc(now: float) -> datetime:
    """Seconds since 1970 as a time."""
    return datetime.fromtimestamp(now, UTC)
