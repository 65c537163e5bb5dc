"""Caches mapping results.

A mapping depends only on its declared fields, and most events repeat earlier values: the same video is loaded, the same
answer is given, only by another learner at another time (ADR 13).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import orjson

from ..caching import LONGEST_KEY, BoundedCache, gap_mark
from ..errors import EventError
from ..fields import Fields
from ..mapping import MappingFunction, Skip
from ..platform import Platform, call_mapping
from ..standards import Prepare
from .parts import PartsCheck

MAX_ENTRIES = 2_000
"""Results kept for a pseudonym space: with more, what is saved is lost again in reaching for memory."""

MAX_BYTES = 3 * 2**20
"""Bytes of these results."""

_EXACT = orjson.OPT_PASSTHROUGH_SUBCLASS | orjson.OPT_PASSTHROUGH_DATACLASS | orjson.OPT_PASSTHROUGH_DATETIME
"""JSON tells 1 from 1.0 and from true; what it might write like something else is left to `_entry`, which refuses.

Members of enumerations and UUIDs are written as their text: one kind does not give both.
"""

BoundMapping = Callable[[tuple[Any, ...]], Any]
"""Declared values, in the order of their declaration → what the composer makes statements of, or a skip."""


class MappingCache:
    """Caches prepared results of all mappings in a pseudonym space; the oldest leave first. Threads may share it."""

    def __init__(self) -> None:
        self._cache: BoundedCache[bytes, Any] = BoundedCache(MAX_ENTRIES, MAX_BYTES)
        self._mappings = 0
        self._generation = 0

    def renew(self) -> None:
        """Has all mappings called anew: what they asked their platform for may have another answer now."""
        self._generation += 1

    def cached(self, call: BoundMapping) -> BoundMapping:
        """Wraps a mapping: it is called for new values only. Raises what it raises, and caches none of that.

        A result that lacks a title for a moment is not cached either.
        """
        results = self._cache.entries
        self._mappings += 1
        number = self._mappings

        def cached(values: tuple[Any, ...]) -> Any:
            try:
                key = orjson.dumps((number, self._generation, values), _entry, _EXACT)
            except TypeError:
                return call(values)
            try:
                return results[key]
            except KeyError:
                mark = gap_mark()
                result = call(values)
                if len(key) <= LONGEST_KEY and mark is gap_mark():
                    self._cache.add(bytes(memoryview(key)), result)  # a copy: what orjson gives occupies 4 KiB
                return result

        return cached


def bind_mapping(
    function: MappingFunction,
    build: Callable[[tuple[Any, ...]], Fields],
    platform: Platform,
    prepare: Prepare | None,
    check: PartsCheck | None = None,
) -> BoundMapping:
    """Binds a mapping to its declaration, its platform, the check of its parts, and what its standard prepares of them.

    The result raises TransformError for parts that the standard does not take.
    """

    def call(values: tuple[Any, ...]) -> Any:
        parts = call_mapping(function, build(values), platform)
        if type(parts) is Skip:
            return parts
        if check is not None and not check.accepts_names(parts) and (error := check.find_error(parts)):
            raise error
        if prepare is None:
            return parts
        try:
            return prepare(parts)
        except EventError:
            raise
        except Exception:
            if check is not None and (error := check.find_error(parts)):  # one of them is of another type
                raise error from None
            raise

    return call


def _entry(value: Any) -> dict[str, Any]:
    """Returns the fields of a collection's entry. Raises TypeError for other objects: two may have the same JSON."""
    if isinstance(value, Fields):
        return vars(value)
    raise TypeError
