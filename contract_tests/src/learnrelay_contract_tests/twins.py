"""Makes twins of a sample: other values that an incomplete cache key cannot tell from the sample's own.

Twins share length, beginning, end, letters, type, bucket or second. A plugin that caches by such a key, or makes an
id of it, confuses two twins.
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
"""Twins of one value: enough that two of them collide in any table of a few hundred slots."""

LONG = 200
"""Characters by which two twins of a text are longer, to reveal a limit from which on texts are truncated."""

_STEPS = (1, 2, 7, 10, 16, 64, 100, 256, 1000, 4096, 10_000, -1, -2)
_LATER = (timedelta(microseconds=1), timedelta(milliseconds=1), timedelta(seconds=1), timedelta(hours=1))
_ALPHABETS = ("0123456789", "abcdef", "ghijklmnopqrstuvwxyz", "ABCDEF", "GHIJKLMNOPQRSTUVWXYZ")
_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT")

Twins = Mapping[str, Sequence[Any]]
"""Name of a field → twins of its value in the complete sample."""


def twins_of(value: Any) -> list[Any]:
    """Returns other values of the same type that resemble the value, at most `MOST`."""
    twins: list[Any] = []
    for twin in _generate_twins(value):
        if len(twins) < MOST and twin != value and twin not in twins:
            twins.append(twin)
    return twins


def _generate_twins(value: Any) -> Iterator[Any]:
    if isinstance(value, bool):
        yield not value
    elif isinstance(value, int):
        yield from (value + step for step in _STEPS)
    elif isinstance(value, float):
        yield from (value + step for step in (2**-20, 0.001, 0.125, *_STEPS))
    elif isinstance(value, str):
        yield from _text_twins(value)
    elif isinstance(value, list | dict):
        pairs = list(value.items() if isinstance(value, dict) else enumerate(value))
        for several in zip_longest(*(_generate_twins(inner) for _, inner in pairs)):
            for (key, _), twin in zip(pairs, several, strict=True):
                if twin is not None:
                    changed = value.copy()
                    changed[key] = twin
                    yield changed


def _text_twins(value: str) -> Iterator[str]:
    """Yields a moment a little later; swapped, more, and other-case letters; similar letters, one by one."""
    if _MOMENT.match(value):
        with suppress(ValueError, OverflowError):
            yield from ((datetime.fromisoformat(value) + step).isoformat() for step in _LATER)
    places = [place for place, letter in enumerate(value) if any(letter in alphabet for alphabet in _ALPHABETS)]
    inner = places[1:-1] or places
    yield from (value[:a] + value[b] + value[a] + value[b + 1 :] for a, b in pairwise(inner[:4]))
    yield from (value + value[-1:], value.swapcase(), value + "x" * LONG, value + "y" * LONG)
    for turn in range(MOST if inner else 0):
        place = inner[turn % len(inner)]
        yield value[:place] + _shift_letter(value[place], 1 + turn // len(inner)) + value[place + 1 :]


def _shift_letter(letter: str, turn: int) -> str:
    letters = next(letters for letters in _ALPHABETS if letter in letters)
    return letters[(letters.index(letter) + turn) % len(letters)]


def one_field_twins(name: str, fields: Sequence[Declared]) -> Iterator[tuple[str, Any, Event]]:
    """Yields (field, twin, event): the complete sample with one value replaced by each of its twins."""
    whole = whole_of(fields)
    for field, (path, value) in whole.items():
        for twin in twins_of(value):
            yield field, twin, build(name, fields, whole | {field: (path, twin)})


def many_field_twins(name: str, fields: Sequence[Declared], twins: Twins) -> Iterator[Event]:
    """Yields events that all differ: with all values replaced by twins, all but one, and only one.

    Whatever a key is made of, two of them, or one of them and the complete sample, differ in everything else.
    """
    whole = whole_of(fields)
    turned = [
        {field: (whole[field][0], several[number % len(several)]) for field, several in twins.items()}
        for number in range(max(map(len, twins.values()), default=0))
    ]
    chosen = [whole | values for values in turned]
    for field in twins:
        chosen.append(whole | turned[0] | {field: whole[field]})
    for field in twins:
        chosen.append(whole | {field: turned[0][field]})
    return (build(name, fields, values) for values in chosen)
