"""Caches answers, within a bound of bytes: what an event holds may be as long as a learner likes."""

from __future__ import annotations

import marshal
import os
import sys
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from functools import lru_cache
from operator import attrgetter
from threading import Lock
from types import NoneType
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
        kind = type(part)
        if kind is str or kind is bytes:
            size += part.__sizeof__()
        elif kind not in _WITHOUT_TEXT:
            if kind is list:
                parts += part
            elif kind is dict:
                parts += part
                parts += part.values()
            else:
                known, rest = _measure_of(kind)(part)  # type: ignore[arg-type]  # types are hashable
                size += known
                parts += rest
            if len(parts) > _MOST_PARTS:
                return sys.maxsize
    return size


_Getter = Callable[[Any], tuple[Any, ...]]

_MOST_PARTS = 10_000
_WITHOUT_TEXT = frozenset((NoneType, bool, int, float, datetime))


Measured = tuple[int, Sequence[Any]]
"""Bytes of what was measured at once, and parts that are still to be measured."""


@lru_cache(1_000)
def _measure_of(kind: type[Any]) -> Callable[[Any], Measured]:
    """Returns what measures values of a type: their slots, and entries where it is derived from a container.

    Each type is looked at once.
    """
    if kind is orjson.Fragment:
        return lambda value: (len(orjson.dumps(value)), ())
    if kind is tuple:
        return _measure_tuple
    if issubclass(kind, str):
        return lambda value: (0, (str(value),))
    names = [name for name in getattr(kind, "__slots__", ()) if not name.startswith("__")]
    if issubclass(kind, dict):
        return lambda value: (0, [*_slots_of(value, names), *value, *value.values()])
    if issubclass(kind, (tuple, list)):
        return lambda value: (0, [*_slots_of(value, names), *value])
    return _SlotsMeasure(names)


def _measure_tuple(value: tuple[Any, ...]) -> Measured:
    try:
        return len(marshal.dumps(value, 2)), ()  # as long as the texts in it, at a tenth of looking at each
    except ValueError:  # one of them is no plain value
        return 0, value


class _SlotsMeasure:
    """Measures objects with slots: at once those that held plain values so far, the others one by one."""

    def __init__(self, names: Sequence[str]) -> None:
        self._split = self._getters(names, ())

    @staticmethod
    def _getters(plain: Sequence[str], others: Sequence[str]) -> tuple[Sequence[str], _Getter, Sequence[str], _Getter]:
        return plain, _getter_of(plain), others, _getter_of(others)

    def __call__(self, value: Any) -> Measured:
        names, plain, other_names, others = self._split
        try:
            return len(marshal.dumps(plain(value), 2)), others(value)
        except AttributeError:  # a slot may be empty
            return 0, _slots_of(value, [*names, *other_names])
        except ValueError:
            complex_names = [name for name in names if _measure_tuple((getattr(value, name),))[0] == 0]
            self._split = self._getters(
                [name for name in names if name not in complex_names], [*other_names, *complex_names]
            )
            return self(value)


def _getter_of(names: Sequence[str]) -> _Getter:
    if not names:
        return lambda value: ()
    if len(names) == 1:  # of one name, `attrgetter` gives no tuple
        return lambda value: _slots_of(value, names)
    return attrgetter(*names)


def _slots_of(value: Any, names: Iterable[str]) -> tuple[Any, ...]:
    return tuple([getattr(value, name, None) for name in names])
