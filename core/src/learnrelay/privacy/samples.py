"""Makes values of declared fields: realistic ones for the harness, marked ones for the data map."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from types import MappingProxyType
from typing import Any, cast
from uuid import NAMESPACE_URL, uuid5

from ..fields import Field
from ..inner_texts import read_step, write_step
from ..kinds import Kind
from ..sample_values import MarkedForms, SampleValues

BY_KIND: dict[str, tuple[Any, ...]] = {
    "scalar": ("lantern", "compass"),
    "text": ("lantern", "compass"),
    "identifier": ("70113", 70217),
    "number": (12.5, 3, 0),
    "integer": (3, 4, 0),
    "count": (3, 0),
    "boolean": (True, False),
    "uuid": ("6f1b2c7e-0f6e-4c55-9f2f-5a3c1d7e9b10", "0d0a3f0c-2f63-4d0b-8c0e-7b1f2a3c4d5e"),
    "moment": ("2026-03-02T09:00:00.250000+00:00", "2026-05-11T17:42:07+02:00"),
    "scalars": (["lantern", "compass"], ["anchor"]),
    "structure": ("lantern", ["compass", "anchor"], {"first": "lantern", "second": ["compass"]}),
    "custom": ("lantern", 12),
}
"""Name of a kind of `learnrelay.kinds`, or ``custom`` → values that it takes: for fields without other hints."""

_RUNS = re.compile(r"[0-9]+|[a-z]+|[A-Z]+")
_NEXT = MappingProxyType(
    str.maketrans("0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ",
                  "1234567890bcdefahijklmnopqrstuvwxyzgBCDEFAHIJKLMNOPQRSTUVWXYZG")
)  # fmt: skip
"""Another digit for each digit, another letter for each letter; hexadecimal ones stay such."""
_USER_NAMES = re.compile(r"(\w+_)?user_id")


def candidates(platform: SampleValues) -> tuple[Any, ...]:
    """Lists values to try with a kind of a plugin's own; if it takes none of them, the field needs an example."""
    return (
        "lantern", "compass", 3, 4, 12.5, True, False, "7", *platform.keys, "6f1b2c7e-0f6e-4c55-9f2f-5a3c1d7e9b10",
        "2026-03-02T09:00:00.250000+00:00", "https://learn.harbour-college.net/courses/x/", "en", ["lantern"],
        {"a": "lantern"},
    )  # fmt: skip


def realistic_values(
    path: str, kind: str, accepts: Callable[[Any], bool], examples: Sequence[Any], platform: SampleValues
) -> list[Any]:
    """Lists raw values that a field takes, at least one: its examples, else the platform's, else those of its kind."""
    known = platform.by_name.get(path.rpartition(".")[2], ())
    return list(examples) or [value for value in known if accepts(value)] or list(BY_KIND.get(kind, BY_KIND["custom"]))


def marked_values(path: str, declared: Field, number: int, words: Sequence[str], platform: SampleValues) -> list[Any]:
    """Lists values that the field's kind takes: two with marks in the form that suits its name, then others.

    ``words``: texts that the mapping compares with.
    """
    marks = f"mk{number}a", f"mk{number}b"
    first, second = marks
    whole, share = 1000 + number * 10, (number + 11) / 128
    numbers = [whole + 1.5, whole + 4.25, share, whole, whole + 3, 0, 1]
    nested: list[Any] = [[first, second], [second], {first: first, second: second}]
    forms = platform.marked_forms(path)
    if _USER_NAMES.fullmatch(path.rpartition(".")[2]):
        suited: list[Any] = [whole, whole + 3, first, second]
    else:
        suited = [*marks] if forms is None else _filled(forms, *marks)
    pool = [*declared.examples, *closed_list(declared.kind), *suited, *words, *numbers, True, False, *nested, "1.25"]
    taken = _taken(declared.kind, [*pool, *(near for example in declared.examples[:1] for near in neighbours(example))])
    if len(taken) > 1:
        return taken
    moments = [f"203{number % 10}-0{1 + number // 10 % 9}-03T04:05:{second}.123000+00:00" for second in ("06", "17")]
    uuids = [str(uuid5(NAMESPACE_URL, mark)) for mark in marks]
    others = [value for marked in platform.marked for value in _filled(marked, *marks)[:2]]
    taken = _taken(declared.kind, [*taken, *moments, *uuids, *others, {first: first}, {second: second}])
    return (
        taken if len(taken) > 1 else _taken(declared.kind, [*taken, *(n for value in taken for n in neighbours(value))])
    )


def neighbours(value: Any) -> Iterator[Any]:
    """Yields values that differ from a value in one place: a number, or the end of a word or of a row of digits.

    A kind that takes one value alone takes some of them, and what it makes of each part of the value shows.
    """
    if isinstance(value, str):
        for run in _RUNS.finditer(value):
            last = run.end() - 1
            yield f"{value[:last]}{value[last].translate(_NEXT)}{value[run.end() :]}"
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield from ({**value, key: near} for near in neighbours(inner))
    elif isinstance(value, list):
        for place, inner in enumerate(value):
            yield from ([*value[:place], near, *value[place + 1 :]] for near in neighbours(inner))
    elif isinstance(value, (int, float)) and not isinstance(value, bool):
        yield value + 1


def _filled(marked: MarkedForms, first: str, second: str) -> list[Any]:
    twice, *once = marked.forms
    return [twice.format(mark=mark, first=first) for mark in (first, second)] + [
        form.format(mark=first, first=first) for form in once
    ]


def closed_list(kind: Kind) -> tuple[str, ...]:
    """Returns the words of a kind that takes no others."""
    words: tuple[str, ...] = getattr(kind, "words", ())
    return words


def _taken(kind: Kind, pool: Sequence[Any]) -> list[Any]:
    taken: list[Any] = []
    seen: list[Any] = []
    for value in pool:
        try:
            made = kind(value)
        except Exception:  # noqa: S112  # a plugin's kind that fails on a value does not accept it
            continue
        if made is not None and (type(made), made) not in seen:
            seen.append((type(made), made))
            taken.append(value)
    return taken


def _object_at(body: dict[str, Any], keys: Sequence[str]) -> dict[str, Any] | None:
    """Returns the object at these keys, made where there is nothing; None where something else stands in the way."""
    holder: Any = body
    for key in keys:
        holder = holder.setdefault(key, {})
        if type(holder) is not dict:
            return None
    return cast("dict[str, Any]", holder)


def put(body: dict[str, Any], path: str, value: Any) -> bool:
    """Puts a value at a dotted path of an event; False where something else stands in the way."""
    head, mark, rest = path.partition("|")
    if mark:
        form, _, rest = rest.partition(".")
        *outer, key = head.split(".")
        holder = _object_at(body, outer)
        if holder is None or type(holder.get(key, "")) is not str:
            return False
        read = read_step(holder, f"{key}|{form}")
        inner = read if type(read) is dict else {}
        is_put = put(inner, rest, value)
        write_step(holder, f"{key}|{form}", inner)
        return is_put
    *outer, last = path.split(".")
    holder = _object_at(body, outer)
    if holder is None:
        return False
    if holder.get(last) and type(holder[last]) is dict and type(value) is not dict:
        return False
    holder[last] = value
    return True
