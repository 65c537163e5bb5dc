"""Caches are bounded by the bytes of what they hold, whatever it is."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import Any, NamedTuple

import orjson
import pytest

from learnrelay.caching import BoundedCache, size_of

LONG = "ä" * 1_000


@dataclass(slots=True)
class Slotted:
    first: Any = None
    second: Any = 7


@dataclass(slots=True)
class Single:
    only: Any


class Known(dict[str, Any]):
    __slots__ = ("json",)


class Pair(NamedTuple):
    left: Any
    right: Any


class Name(str):
    __slots__ = ()


def known(json: Any = None, **entries: Any) -> Known:
    """Returns a dictionary that has a slot, empty unless it is given."""
    made = Known(entries)
    if json is not None:
        made.json = json
    return made


@pytest.mark.parametrize(
    "value",
    [
        LONG, LONG.encode(), [LONG], (None, LONG), {"key": LONG}, {LONG: None}, Slotted(LONG), Slotted(None, [LONG]),
        Single(LONG), Single((LONG,)), Pair("", LONG), Name(LONG), known(of=LONG), known(LONG), [known(LONG)],
        orjson.Fragment(orjson.dumps(LONG)), [[[{"deep": [LONG]}]]],
        object.__new__(Slotted), [object.__new__(Slotted), LONG],
    ],
)  # fmt: skip
def test_texts_are_found_wherever_they_are(value: Any) -> None:
    expected = 0 if type(value) is Slotted and not hasattr(value, "first") else 1_000
    assert expected <= size_of(value) < expected + 3_500


@pytest.mark.parametrize("value", [None, True, 7, 0.5, [], (), {}, "", Slotted()])
def test_what_has_no_text_takes_no_bytes(value: Any) -> None:
    assert size_of(value) < 60


def test_what_has_no_end_is_larger_than_any_cache() -> None:
    circle: list[Any] = []
    circle.append(circle)
    assert size_of(circle) == size_of(list(range(1, 20_000))) == sys.maxsize
    cache: BoundedCache[str, Any] = BoundedCache()
    cache.add("circle", circle)
    assert cache.entries == {}


def test_the_oldest_leave_when_bytes_run_out() -> None:
    cache: BoundedCache[str, str] = BoundedCache(max_entries=1_000, max_bytes=64_000)
    for number in range(100):
        cache.add(f"key {number}", LONG)
    assert 10 < len(cache.entries) < 50
    assert list(cache.entries)[-1] == "key 99"
