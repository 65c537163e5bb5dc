"""Scores within the bounds that the specification sets (1.0.3, Data 2.4.5.1)."""

from __future__ import annotations

from .parts import ScoreParts


def score(earned: float | None, possible: float | None) -> ScoreParts | None:
    """Returns the score; ``raw`` alone where the maximum is not known, 0, or less than was earned.

    >>> score(3, 4)
    {'min': 0, 'max': 4, 'raw': 3, 'scaled': 0.75}
    >>> score(5, 4), score(0, 0), score(3, None), score(None, 4)
    ({'raw': 5}, {'raw': 0}, {'raw': 3}, None)
    """
    if earned is None:
        return None
    if possible is None or possible <= 0 or not 0 <= earned <= possible:
        return {"raw": earned}
    return {"min": 0, "max": possible, "raw": earned, "scaled": earned / possible}
