"""Decides which rows can be read so that none is missed whose id is smaller, and which is committed later.

A database gives ids to rows when they are written, and shows the rows when they are committed: a smaller id may appear
behind a larger one. Where ids follow each other without a gap, nothing can come between them. A gap is passed over when
an id behind it was seen a settle time ago: whoever wrote into the gap has committed by then, or has rolled back.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

_LOOKS = 20  # in a settle time


class SettledIds:
    """Remembers when which largest id was seen.

    ``settle``: seconds that a transaction with a row of the log may take. ``largest``: the largest id that was seen.
    """

    def __init__(self, settle: float) -> None:
        self._settle = settle
        self._seen: deque[tuple[float, int]] = deque()
        self.largest = 0

    def is_look_due(self, now: float) -> bool:
        """Tells whether the largest id is to be asked for again."""
        return not self._seen or now - self._seen[-1][0] >= self._settle / _LOOKS

    def note(self, largest: int, now: float) -> None:
        """Notes the largest id that was visible at ``now``, in seconds of a clock that never goes back."""
        self.largest = max(largest, self.largest)
        self._seen.append((now, largest))
        while len(self._seen) > 1 and now - self._seen[1][0] >= self._settle:
            self._seen.popleft()

    def settled(self, now: float) -> int:
        """Returns the id up to which no row can appear any more; 0 before the settle time has passed."""
        seen_at, largest = self._seen[0] if self._seen else (now, 0)
        return largest if now - seen_at >= self._settle else 0


def count_without_gap(last: int, ids: Sequence[int]) -> int:
    """Returns how many of the ascending ids follow ``last`` without a gap.

    >>> count_without_gap(4, [5, 6, 8]), count_without_gap(4, [6, 7]), count_without_gap(4, [])
    (2, 0, 0)
    """
    return next((number for number, row_id in enumerate(ids) if row_id != last + 1 + number), len(ids))
