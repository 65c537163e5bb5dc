"""Twins of a sample: other values that share with its own whatever a careless key keeps of a value.

The same length, beginning, end, letters, type, bucket, second: who remembers by such a key, or makes an id of it,
takes two twins for one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from itertools import pairwise, zip_longest
from typing import Any

from .declarations import Declared
from .samples import Event, build, whole_of

MOST = 24
"""Twins of one value: so many that two of them meet in any table of a few hundred places."""

LONG = 200
"""Characters that two twins of a text are longer: there may be a limit from which on all are taken for one."""

_STEPS = (1, 2, 7, 10, 16, 64, 100, 256, 1000, 4096, 10_000, -1, -2)
_LATER = (timedelta(microseconds=1), timedelta(milliseconds=1), timedelta(seconds=1), timedelta(hours=1))
_ALPHABETS = ("0123456789", "abcdef", "ghijklmnopqrstuvwxyz", "ABCDEF", "GHIJKLMNOPQRSTUVWXYZ")
_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT")

Twins = Mapping[str, Sequence[Any]]
"""Name of a field → twins of its value in the complete sample."""


def twins_of(value: Any) -> list[Any]:
    """Other values of the same type that look like it, at most `MOST`."""
    found: list[Any] = []
    for one in _twins(value):
        if len(found) < MOST and one != value and one not in found:
            found.append(one)
    return found


def _twins(value: Any) -> Iterator[Any]:
    if isinstance(value, bool):
        yield not value
    elif isinstance(value, int):
        yield from (value + step for step in _STEPS)
    elif isinstance(value, float):
        yield from (value + step for step in (2**-20, 0.001, 0.125, *_STEPS))
    elif isinstance(value, str):
        yield from _texts(value)
    elif isinstance(value, list | dict):
        pairs = list(value.items() if isinstance(value, dict) else enumerate(value))
        for several in zip_longest(*(_twins(inner) for _, inner in pairs)):
            for (key, _), twin in zip(pairs, several, strict=True):
                if twin is not None:
                    changed = value.copy()
                    changed[key] = twin
                    yield changed


def _texts(value: str) -> Iterator[str]:
    """A moment a little later; the same letters, more of them, in the other case; others of their sort, one by one."""
    if _MOMENT.match(value):
        with suppress(ValueError, OverflowError):
            yield from ((datetime.fromisoformat(value) + step).isoformat() for step in _LATER)
    places = [place for place, one in enumerate(value) if any(one in alphabet for alphabet in _ALPHABETS)]
    inner = places[1:-1] or places
    yield from (value[:a] + value[b] + value[a] + value[b + 1 :] for a, b in pairwise(inner[:4]))
    yield from (value + value[-1:], value.swapcase(), value + "x" * LONG, value + "y" * LONG)
    for turn in range(MOST if inner else 0):
        place = inner[turn % len(inner)]
        yield value[:place] + _turned(value[place], 1 + turn // len(inner)) + value[place + 1 :]


def _turned(letter: str, turn: int) -> str:
    alphabet = next(one for one in _ALPHABETS if letter in one)
    return alphabet[(alphabet.index(letter) + turn) % len(alphabet)]


def only(name: str, fields: Sequence[Declared]) -> Iterator[tuple[str, Any, Event]]:
    """(field, twin, event): the complete sample with one value replaced, for each field and each of its twins."""
    whole = whole_of(fields)
    for field, (path, value) in whole.items():
        for twin in twins_of(value):
            yield field, twin, build(name, fields, whole | {field: (path, twin)})


def crowd(name: str, fields: Sequence[Declared], twins: Twins) -> Iterator[Event]:
    """Events of which no two are alike: all values replaced by twins, all but one, one only.

    Whatever a key is made of, two of them, or one of them and the complete sample, differ in all else.
    """
    whole = whole_of(fields)
    turned = [
        {field: (whole[field][0], several[number % len(several)]) for field, several in twins.items()}
        for number in range(max(map(len, twins.values()), default=0))
    ]
    chosen = [whole | one for one in turned]
    for field in twins:
        chosen.append(whole | turned[0] | {field: whole[field]})
    for field in twins:
        chosen.append(whole | {field: turned[0][field]})
    return (build(name, fields, one) for one in chosen)
