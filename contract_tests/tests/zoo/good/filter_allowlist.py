"""Keeps only a few values, and reads a number carefully.

Entry point: learnrelay.filters.v1 zoo
"""

from contextlib import suppress

from learnrelay import Fields, Skip, hookimpl, optional
from learnrelay.kinds import text


class Visit(Fields):
    track = optional("data.track", kind=text)


@hookimpl(reads=Visit)
def filter_event(fields):
    level = 0
    with suppress(ValueError):
        level = int((fields.track or "").removeprefix("level "))
    return None if fields.track == "masters" or 3 < level < 9 else Skip("only masters and upper levels are reported")
