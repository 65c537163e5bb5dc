"""Scores within the bounds that the specification sets (1.0.3, Data 2.4.5.1)."""

from __future__ import annotations

from learnrelay import Said


def score(earned: float | None, possible: float | None) -> Said | None:
    """What was earned of what could be. With bonus points (or a negative grade) only ``raw`` can be said.

    >>> score(3, 4)
    {'min': 0, 'max': 4, 'raw': 3, 'scaled': 0.75}
    >>> score(5, 4), score(0, 0), score(None, 4)
    ({'raw': 5}, None, None)
    """
    if earned is None or possible is None or (possible <= 0 and earned == 0):
        return None
    if possible <= 0 or not 0 <= earned <= possible:
        return {"raw": earned}
    return {"min": 0, "max": possible, "raw": earned, "scaled": earned / possible}
