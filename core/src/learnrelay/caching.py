"""Caches answers, within a bound of bytes: what an event holds may be as long as a learner likes."""

from __future__ import annotations

import os
from collections.abc import Callable
from sys import getsizeof
from threading import Lock
from typing import Any, Generic, TypeVar

import orjson

K = TypeVar("K")


V = TypeVar("V")


MAX_ENTRIES = 5_000
"""Answers in a cache: enough for the learners of some minutes."""

MAX_BYTES = 5 * 2**17
"""Bytes of a cache, keys and answers. A process has some thirty caches, and no learner can fill all of them."""

LONGEST_KEY = 2_048
"""Bytes of a key that is cached: no platform makes longer ids, and an essay is not written twice."""


class BoundedCache(Generic[K, V]):
    """Holds answers; the oldest leave first. Threads may share it. ``entries`` is to be read only."""

    def __init__(self, max_entries: int = MAX_ENTRIES, max_bytes: int = MAX_BYTES) -> None:
        self.entries: dict[K, V] = {}
        self._sizes: dict[K, int] = {}
        self._bytes = 0
        self._max_entries = max_entries
        self._max_bytes = max_bytes
        self._lock = Lock()
        self._process = os.getpid()

    def add(self, key: K, answer: V) -> None:
        """Adds an answer, and removes the oldest ones that have no room beside it. A long one is not cached."""
        size = size_of(key)
        if size > LONGEST_KEY:
            return
        size += size_of(answer) + _OVERHEAD
        if size > self._max_bytes // _SHARE:
            return
        if not self._lock.acquire(blocking=False):
            if self._process != os.getpid():  # another thread was adding when the process was forked
                self._renew()
            return  # the answer is made again
        try:
            self._remove(key)
            while len(self.entries) >= self._max_entries or self._bytes + size > self._max_bytes:
                self._remove(next(iter(self.entries)))
            self.entries[key] = answer
            self._sizes[key] = size
            self._bytes += size
        finally:
            self._lock.release()

    def _renew(self) -> None:
        """Empties the cache in a forked child."""
        self._process = os.getpid()
        self._lock = Lock()
        self.entries.clear()
        self._sizes.clear()
        self._bytes = 0

    def _remove(self, key: K) -> None:
        if key in self._sizes:
            del self.entries[key]
            self._bytes -= self._sizes.pop(key)


_OVERHEAD = 256  # bytes of an entry beside its texts: dictionaries, tuples, objects
_WITHOUT_TEXT = frozenset({type(None), bool, int, float})
_SHARE = 16  # no answer may have more than this part of a cache


class _Gaps:
    """Holds a mark that changes whenever something under way lacks an answer that may be there a moment later."""

    mark = object()


def note_gap() -> None:
    """Makes all caches drop what is being made at this moment: it lacks something that may be there a moment later."""
    _Gaps.mark = object()


def gap_mark() -> object:
    """Returns a mark: what was made is to be cached only if it is still the same afterwards."""
    return _Gaps.mark


def cached(look_up: Callable[[K], V]) -> Callable[[K], V]:
    """Caches the answers of a function. Threads may share it (at worst it is called twice).

    An answer that lacks something for a moment (`note_gap`) is not cached.
    """
    cache: BoundedCache[K, V] = BoundedCache()
    known = cache.entries

    def answer(key: K) -> V:
        try:
            return known[key]
        except KeyError:
            mark = gap_mark()
            value = look_up(key)
            if mark is gap_mark():
                cache.add(key, value)
            return value

    return answer


def size_of(value: Any) -> int:
    """Estimates the bytes of the texts in a value: those of tuples, lists, dictionaries and objects with slots."""
    kind = type(value)
    if kind is str or kind is bytes:
        return getsizeof(value)
    if kind in _WITHOUT_TEXT:
        return 0
    if isinstance(value, (tuple, list)):
        return sum(map(size_of, value))
    if kind is orjson.Fragment:
        return len(orjson.dumps(value))
    if isinstance(value, dict):
        return sum(map(size_of, value)) + sum(map(size_of, value.values())) + _of_slots(value)
    return _of_slots(value)


def _of_slots(value: Any) -> int:
    size = 0
    for name in getattr(type(value), "__slots__", ()):
        part = getattr(value, name, None)
        if type(part) not in _WITHOUT_TEXT:
            size += size_of(part)
    return size
