"""Reads and writes the ids by which Redis orders the entries of a stream."""

from __future__ import annotations

EntryId = tuple[int, int]
"""Milliseconds since 1970, and a number in these: the place of an entry in its stream."""

BEGIN: EntryId = (0, 0)
"""The place before the first entry."""


def read_id(text: str) -> EntryId:
    """Reads an id as Redis writes it.

    >>> read_id("1795989702865-0")
    (1795989702865, 0)
    """
    milliseconds, _, number = text.partition("-")
    return int(milliseconds), int(number)


def write_id(place: EntryId) -> str:
    """Writes an id as Redis does.

    >>> write_id((1795989702865, 0))
    '1795989702865-0'
    """
    return f"{place[0]}-{place[1]}"
