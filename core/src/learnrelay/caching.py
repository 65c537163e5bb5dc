"""Caches answers, within a bound of bytes: what an event holds may be as long as a learner likes."""

from __future__ import annotations

import marshal
import os
import sys
from collections import deque
from collections.abc import Callable, Iterable
from datetime import datetime
from functools import lru_cache
from operator import attrgetter
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

    def __init__(
        self, max_entries: int = MAX_ENTRIES, max_bytes: int = MAX_BYTES, entries: dict[K, V] | None = None
    ) -> None:
        self.entries = {} if entries is None else entries
        self._order: deque[tuple[K, int]] = deque()  # keys, the oldest first, with the bytes of their entries
        self._bytes = 0
        self._max_entries = max_entries
        self._max_bytes = max_bytes
        self._largest = max_bytes // _SHARE
        self._lock = Lock()
        self._process = os.getpid()

    def add(self, key: K, answer: V) -> None:
        """Adds an answer, and removes the oldest ones that have no room beside it. A long one is not cached."""
        size = key.__sizeof__() if type(key) is bytes else size_of(key)
        if size > LONGEST_KEY:
            return
        size += size_of(answer) + _OVERHEAD
        if size > self._largest:
            return
        if not self._lock.acquire(False):
            if self._process != os.getpid():  # another thread was adding when the process was forked
                self._renew()
            return  # the answer is made again
        try:
            if key in self.entries:  # another thread has made it
                return
            self._bytes += size
            while len(self._order) >= self._max_entries or self._bytes > self._max_bytes:
                oldest, freed = self._order.popleft()
                del self.entries[oldest]
                self._bytes -= freed
            self.entries[key] = answer
            self._order.append((key, size))
        finally:
            self._lock.release()

    def _renew(self) -> None:
        """Empties the cache in a forked child."""
        self._process = os.getpid()
        self._lock = Lock()
        self.entries.clear()
        self._order.clear()
        self._bytes = 0


_OVERHEAD = 256  # bytes of an entry beside its texts: dictionaries, tuples, objects
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


class _Answers(dict[K, V]):
    """Holds the answers of a function. A known one is found without a call of Python's."""

    def __init__(self, look_up: Callable[[K], V]) -> None:
        super().__init__()
        self._look_up = look_up
        self._cache: BoundedCache[K, V] = BoundedCache(entries=self)

    def __missing__(self, key: K) -> V:
        mark = gap_mark()
        value = self._look_up(key)
        if mark is gap_mark():
            self._cache.add(key, value)
        return value


def cached(look_up: Callable[[K], V]) -> Callable[[K], V]:
    """Caches the answers of a function. Threads may share it (at worst it is called twice).

    An answer that lacks something for a moment (`note_gap`) is not cached.
    """
    return _Answers(look_up).__getitem__


def size_of(value: Any) -> int:
    """Estimates the bytes of the texts in a value: those of tuples, lists, dictionaries and objects with slots.

    A value of too many parts is larger than any cache.
    """
    size = 0
    parts = [value]
    for part in parts:  # which grows
        if part is None:
            continue
        kind = type(part)
        if kind is str or kind is bytes:
            size += part.__sizeof__()
        elif kind in _WITHOUT_TEXT:
            continue
        elif kind is list:
            parts += part
        elif kind is dict:
            parts += part
            parts += part.values()
        else:
            inner = part if kind is tuple else _splitter_of(kind)(part)  # type: ignore[arg-type]  # types are hashable
            try:
                size += len(marshal.dumps(inner, 2))  # as long as the texts in them, at a tenth of looking at each
            except ValueError:  # one of them is no plain value
                parts += inner
        if len(parts) > _MOST_PARTS:
            return sys.maxsize
    return size


_MOST_PARTS = 10_000
_WITHOUT_TEXT = frozenset((bool, int, float, datetime))


@lru_cache(1_000)
def _splitter_of(kind: type[Any]) -> Callable[[Any], tuple[Any, ...] | list[Any]]:
    """Returns what splits values of a type: into their slots, and entries where it is derived from a container.

    Each type is looked at once.
    """
    if kind is orjson.Fragment:
        return lambda value: (orjson.dumps(value),)
    if issubclass(kind, str):
        return lambda value: (str(value),)
    names = [name for name in getattr(kind, "__slots__", ()) if not name.startswith("__")]
    if issubclass(kind, dict):
        return lambda value: [*_slots_of(value, names), *value, *value.values()]
    if issubclass(kind, (tuple, list)):
        return lambda value: [*_slots_of(value, names), *value]
    if len(names) < 2:  # of one name, `attrgetter` gives no tuple
        return lambda value: _slots_of(value, names)
    all_slots = attrgetter(*names)

    def split(value: Any) -> tuple[Any, ...] | list[Any]:
        try:
            return all_slots(value)
        except AttributeError:  # a slot may be empty
            return _slots_of(value, names)

    return split


def _slots_of(value: Any, names: Iterable[str]) -> list[Any]:
    return [getattr(value, name, None) for name in names]
