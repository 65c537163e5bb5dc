"""What mappings say, and remembering it: what an event says depends on its declared values alone, and most say what
others said before (the same video loaded, the same answer given), only of another learner at another time (ADR 13).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import orjson

from .families import Say, Skip
from .fields import Fields
from .site import Site, make_room
from .standards import Prepare

MOST_REMEMBERED = 2_000
"""Sayings of a space, about 4 MB: of more, what is saved is lost again in reaching for memory."""

LONGEST_REMEMBERED = 2_048
"""Bytes of values that are remembered: an essay is not written twice."""

_EXACT = orjson.OPT_PASSTHROUGH_SUBCLASS | orjson.OPT_PASSTHROUGH_DATACLASS | orjson.OPT_PASSTHROUGH_DATETIME
"""JSON tells 1 from 1.0 and from true; what it might write like something else is left to `_entry`, which refuses.

Members of enumerations and UUIDs are written as their text: one kind does not give both.
"""

Sayer = Callable[[Fields], Any]
"""Declared values → what the composer makes statements of, or a skip."""


class Sayings:
    """What is remembered for a pseudonym space: prepared words, the oldest leaving first. Threads may share it."""

    def __init__(self) -> None:
        self._known: dict[bytes, Any] = {}
        self._mappings = 0

    def remembering(self, sayer: Sayer) -> Sayer:
        """The same, that asks only for values that are new. Raises what the sayer raises, and remembers none of it."""
        known = self._known
        self._mappings += 1
        number = self._mappings

        def remembered(values: Fields) -> Any:
            try:
                key = orjson.dumps((number, values.__dict__), _entry, _EXACT)
            except TypeError:
                return sayer(values)
            try:
                return known[key]
            except KeyError:
                said = sayer(values)
                if len(key) <= LONGEST_REMEMBERED:
                    make_room(known, MOST_REMEMBERED)
                    known[bytes(memoryview(key))] = said  # a copy: what orjson gives occupies 4 KiB
                return said

        return remembered


def sayer(function: Say, site: Site, prepare: Prepare | None) -> Sayer:
    """A mapping as the composer of its standard wants to hear it."""
    if prepare is None:
        return lambda values: function(values, site)

    def said(values: Fields) -> Any:
        words = function(values, site)
        return words if isinstance(words, Skip) else prepare(words)

    return said


def _entry(value: Any) -> dict[str, Any]:
    """The entries of a collection; nothing else is plain enough to be told apart by how it is written."""
    if isinstance(value, Fields):
        return vars(value)
    raise TypeError
