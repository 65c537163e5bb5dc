"""Samples: source events made from declarations, personal markers around them, and every way to alter them."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson

from learnrelay import kinds
from learnrelay.events import ROOT_OF_CONTEXT

from .declarations import Declared, flat

Event = dict[str, Any]

COURSE = "course-v1:Harbour+SAIL+2026"
_BLOCK = "block-v1:Harbour+SAIL+2026+type@problem+block@"
WELL_KNOWN: dict[str, tuple[Any, ...]] = {
    "course_id": (COURSE, "course-v1:Atoll+TIDE+2025"),
    "course_key": (COURSE, "course-v1:Atoll+TIDE+2025"),
    "org_id": ("Harbour", "Atoll"),
    "org": ("Harbour", "Atoll"),
    "problem_id": (f"{_BLOCK}4f1c", f"{_BLOCK}9b2e"),
    "module_id": (f"{_BLOCK}77aa", f"{_BLOCK}51cd"),
    "usage_key": (f"{_BLOCK}c0de", f"{_BLOCK}beef"),
    "block_id": (f"{_BLOCK}aa01", f"{_BLOCK}aa02"),
    "exam_content_id": (f"{_BLOCK}ee01", f"{_BLOCK}ee02"),
    "user_id": (470_113, 470_217),
    "timestamp": ("2026-03-02T09:00:00.250000+00:00", "2026-05-11T17:42:07+02:00"),
    "time": ("2026-03-02T09:00:00.250000+00:00", "2026-05-11T17:42:07+02:00"),
    "event_source": ("server", "browser"),
    "success": ("correct", "incorrect"),
    "percent_grade": (0.75, 0.5),
    "completion": (0.5, 1.0),
    "target_url": ("https://learn.harbour-college.net/courses/x/", "/courses/y/", "ftp://files.harbour-college.net/z"),
    "current_url": ("https://learn.harbour-college.net/courses/", "https://learn.harbour-college.net/"),
    "referer": (f"https://learn.harbour-college.net/jump?activate_block_id={_BLOCK}c0de".replace("+", "%2B"),),
    "enterprise_uuid": ("6f1b2c7e-0f6e-4c55-9f2f-5a3c1d7e9b10", "0d0a3f0c-2f63-4d0b-8c0e-7b1f2a3c4d5e"),
    "mode": ("verified", "honor"),
    "attempts": (2, 0),
    "response_type": (
        "choiceresponse",
        "multiplechoiceresponse",
        "stringresponse",
        "optionresponse",
        "numericalresponse",
        "truefalseresponse",
    ),
    "answers": ({"first_2_1": "lantern", "first_3_1": ["compass", "anchor"], "second_2_1": ""},),
}
"""Last part of a path → values that the Open edX platform writes there; a field's own examples come before."""

_BY_KIND: dict[str, tuple[Any, ...]] = {
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
    "structure": ("lantern", ["compass", "anchor"], {"first_2_1": "lantern", "first_3_1": ["compass"]}),
    "custom": ("lantern", 12),
}

CANDIDATES: tuple[Any, ...] = (
    "lantern", "compass", 3, 4, 12.5, True, False, "7", COURSE, f"{_BLOCK}4f1c", "6f1b2c7e-0f6e-4c55-9f2f-5a3c1d7e9b10",
    "2026-03-02T09:00:00.250000+00:00", "https://learn.harbour-college.net/courses/x/", "en", ["lantern"],
    {"a": "lantern"},
)  # fmt: skip
"""Values among which a kind of a plugin's own finds some that it takes; else the field needs an example."""

PERSONAL_NOISE = (
    "email", "username", "ip", "full_name", "session", "agent", "phone_number", "date_of_birth", "address", "user_id",
)  # fmt: skip

VALUES: tuple[Any, ...] = (
    None, "", "another text", "2031-01-01T00:00:00Z", 0, 917_263_554, -2.5, True, False, [], ["a", 1], {},
    {"a": {"b": 1}},
)  # fmt: skip
"""A value of every type that JSON has: what an undeclared path is replaced with."""

NASTY: tuple[Any, ...] = (
    None, "", " ", "\x00", "a\ud7ff\U0001f600é", "x" * 5000, "-1", "NaN", "http://", "course-v1:", "%", "://[",
    "0000-00-00T00:00:00", "9999-12-31T23:59:59.999999-23:59", 0, -1, 2**63 - 1, -(2**63), 1e308, -1e-300, 0.1 + 0.2,
    True, False, [], [None], ["", []], [[["x"]]], {}, {"": None}, {"a": {"b": [1]}}, {"id": 1}, "{}", '["x"]',
    10**6, 10**12, "²", "١٢", "http://[", "9999-12-31T00:00:00+00:00", "0001-01-01T00:00:00+00:00", "a/b", "a+b",
)  # fmt: skip
"""What stands where it should not: each replaces each declared value once."""


def malformed_paths(fields: Sequence[Declared]) -> list[str]:
    """Declared paths at which nonsense is tried: in the first entry of collections, and as the collection itself."""
    paths = []
    for path, _ in flat(fields):
        if path != "name":
            paths += [path[: path.index(".*")], path.replace("*", FIRST_ENTRY)] if "*" in path else [path]
    return list(dict.fromkeys(paths))


def malformed(event: Event, fields: Sequence[Declared]) -> Iterator[tuple[tuple[str, Any], Event]]:
    """((path, value), event) for each nasty value at each declared path."""
    for path in malformed_paths(fields):
        for value in NASTY:
            altered = copy(event)
            put(altered, path, value)
            yield (path, value), altered


@dataclass(frozen=True)
class Sample:
    """A source event in the in-process shape and what it is a sample of. ``left_out``: names of absent fields."""

    label: str
    event: Event
    left_out: tuple[str, ...] = ()


@dataclass(frozen=True)
class Marker:
    """A personal value planted at a path."""

    path: str
    text: str = field(repr=False)


def accepts(declared: Declared, value: Any) -> bool:
    """Whether a value is of the declared kind; of a kind of the plugin's own nobody knows."""
    if declared.kind == "custom":
        return True
    kind: Callable[[Any], Any] = getattr(kinds, declared.kind)
    return value is not None and kind(value) is not None


def values_of(declared: Declared) -> list[Any]:
    """Raw values that the field takes, at least one, usually two or more."""
    known = WELL_KNOWN.get(declared.paths[0].rpartition(".")[2], ())
    return (
        list(declared.examples)
        or [value for value in known if accepts(declared, value)]
        or list(_BY_KIND.get(declared.kind, _BY_KIND["custom"]))
    )


def put(event: Event, path: str, value: Any) -> bool:
    """Put a value at a path; False where something else stands in the way."""
    *outer, last = path.split(".")
    holder: Any = event
    for key in outer:
        holder = holder.setdefault(key, {})
        if type(holder) is not dict:
            return False
    if holder.get(last) and type(holder[last]) is dict and type(value) is not dict:
        return False
    holder[last] = value
    return True


def take(event: Event, path: str) -> None:
    """Remove what stands at a path."""
    *outer, last = path.split(".")
    holder: Any = event
    for key in outer:
        holder = holder.get(key)
        if type(holder) is not dict:
            return
    holder.pop(last, None)


MOST_ENTRIES = 8
"""Variants of a collection: each has other values in its entries."""

FIRST_ENTRY, SECOND_ENTRY = "first_2_1", "first_3_1"
"""Keys of the entries that samples have in their collections."""


def value_for(declared: Declared, number: int = 0) -> Any:
    """The ``number``-th value of a field, of a collection two entries."""
    if declared.entries is None:
        found = values_of(declared)
        return found[number % len(found)]
    entries = {}
    for position, key in enumerate((FIRST_ENTRY, SECOND_ENTRY)):
        entry: Event = {}
        for inner in declared.entries:
            if not inner.is_key:
                put(entry, inner.paths[0], value_for(inner, number + position))
        entries[key] = entry
    return entries


def basis(name: str) -> Event:
    """An event of this name with nothing in it."""
    return {"name": name, "data": {}, "context": {}, "timestamp": WELL_KNOWN["timestamp"][0]}


def build(name: str, fields: Sequence[Declared], chosen: Mapping[str, tuple[str, Any]]) -> Event:
    """An event with the chosen fields: name of the field → (path, value). Shorter paths give way to longer ones."""
    event = basis(name)
    for declared in sorted(fields, key=lambda one: -max(map(len, one.paths))):
        if declared.name in chosen and not declared.is_key:
            path, value = chosen[declared.name]
            if path != "name":
                put(event, path, copy(value))
    return event


def whole_of(fields: Sequence[Declared]) -> dict[str, tuple[str, Any]]:
    """What the complete sample consists of: name of the field → (path, value)."""
    return {one.name: (one.paths[0], value_for(one)) for one in fields if _is_put(one)}


def _is_put(declared: Declared) -> bool:
    return not declared.is_key and declared.paths != ("name",)


def samples_of(
    name: str, fields: Sequence[Declared], own: Sequence[Declared] = (), literals: Sequence[Any] = ()
) -> list[Sample]:
    """Samples of an event, the complete one first, then the one with the required fields only.

    literals: values that the source compares with; each is tried in each of the fields ``own`` that takes it.
    """
    usable = [declared for declared in fields if _is_put(declared)]
    whole = whole_of(fields)
    needed = {declared.name: whole[declared.name] for declared in usable if declared.needed}
    optional = [declared for declared in usable if not declared.needed]
    made = [
        Sample("complete", build(name, fields, whole)),
        Sample(LEAST, build(name, fields, needed), tuple(one.name for one in optional)),
        Sample(
            "complete, other values",
            build(name, fields, {one.name: (one.paths[0], value_for(one, 1)) for one in usable}),
        ),
    ]
    for declared in usable:
        for number, value in enumerate(_alternatives(declared)):
            if number:
                chosen = whole | {declared.name: (declared.paths[0], value)}
                made.append(Sample(f"another {declared.name} ({number})", build(name, fields, chosen)))
        for path in declared.paths[1:]:
            chosen = {declared.name: (path, value_for(declared))}
            made.append(Sample(f"{declared.name} at {path}", build(name, fields, whole | chosen)))
    for declared in optional:
        rest = {key: value for key, value in whole.items() if key != declared.name}
        made.append(Sample(f"without {declared.name}", build(name, fields, rest), (declared.name,)))
        others = tuple(one.name for one in optional if one is not declared)
        alone = build(name, fields, needed | {declared.name: whole[declared.name]})
        made.append(Sample(f"{declared.name} alone", alone, others))
    tried = [(declared, value) for value in literals for declared in own if _may_hold(declared, value)]
    for number, (declared, value) in enumerate(tried[:MOST_LITERALS], 1):
        chosen = whole | {declared.name: (declared.paths[0], value)}
        made.append(Sample(f"{declared.name}{A_LITERAL} ({number})", build(name, fields, chosen)))
    return _distinct(made)


LEAST = "required fields only"
A_LITERAL = " is a value that the source knows"
MOST_LITERALS = 48


def _may_hold(declared: Declared, value: Any) -> bool:
    if declared.is_key or declared.entries is not None or declared.paths == ("name",):
        return False
    return declared.kind == "custom" or accepts(declared, value)


def _alternatives(declared: Declared) -> list[Any]:
    """Values to try; of a collection also one with a single entry, and one with an entry that holds nothing."""
    if declared.entries is None:
        return values_of(declared)
    most = max((len(values_of(inner)) for inner in declared.entries if inner.entries is None), default=1)
    several = [value_for(declared, number) for number in range(max(2, min(most, MOST_ENTRIES)))]
    bare: Event = {}
    for inner in declared.entries:
        if inner.needed and not inner.is_key:
            put(bare, inner.paths[0], value_for(inner))
    return [*several, {FIRST_ENTRY: several[0][FIRST_ENTRY]}, {FIRST_ENTRY: bare}]


def _distinct(made: Sequence[Sample]) -> list[Sample]:
    seen: set[bytes] = set()
    kept: list[Sample] = []
    for sample in made:
        text = orjson.dumps(sample.event)
        if text not in seen or len(kept) < 2:
            seen.add(text)
            kept.append(sample)
    return kept


def copy(value: Any) -> Any:
    """A deep copy of JSON."""
    return orjson.loads(orjson.dumps(value))


# --- shapes -----------------------------------------------------------------------------------------------


def as_line(event: Event, payload_as_text: bool = False) -> Event:
    """The same event as an object in the shape of a tracking-log line."""
    event = copy(event)
    context = event["context"] if type(event["context"]) is dict else {}
    at_root = {key: context.pop(key) for key in ROOT_OF_CONTEXT if key in context}
    payload = event["data"]
    if payload_as_text and type(payload) is dict:
        payload = orjson.dumps(payload).decode()
    return {
        "name": event["name"], "event_type": event["name"], "time": event["timestamp"], "event": payload,
        "context": context, **at_root,
        **{key: value for key, value in event.items() if key not in ("name", "data", "context", "timestamp")},
    }  # fmt: skip


def sent(event: Event, shape: str) -> list[Any]:
    """An event as it goes to the process."""
    return ["line", orjson.dumps(event).decode()] if shape == "line" else ["object", event]


# --- markers ----------------------------------------------------------------------------------------------


def marker_text(rng: random.Random, name: str) -> str:
    """A personal value that stands nowhere else, in a form that suits its name."""
    word = "".join(rng.choice("bcdfghjklmnpqrstvwxz") + rng.choice("aeiouy") for _ in range(5)).capitalize()
    if name == "email":
        return f"{word}@{word.lower()[::-1]}.no"
    if name in ("ip", "phone_number", "user_id"):
        return str(rng.randrange(10**13, 10**14))
    return f"{word} {rng.randrange(10**5, 10**6)}"


def with_markers(event: Event, declared: set[str], seed: str) -> tuple[Event, list[Marker]]:
    """The event with a personal marker in each undeclared field that might hold one, at every level.

    The same seed and path give the same marker.
    """
    event = copy(event)
    markers: list[Marker] = []

    def plant(holder: Event, prefix: str) -> None:
        for key, inner in list(holder.items()):
            path = f"{prefix}{key}"
            if type(inner) is dict and f"{starred(path)}.**" not in declared:
                plant(inner, f"{path}.")
        for name in PERSONAL_NOISE:
            path = f"{prefix}{name}"
            if name in holder or starred(path) in declared or path in _OF_THE_SHAPE:
                continue
            marker = Marker(path, marker_text(random.Random(f"{seed}/{path}"), name))  # noqa: S311  # for samples
            holder[name] = int(marker.text) if name == "user_id" else marker.text
            markers.append(marker)

    plant(event, "")
    return event, markers


_OF_THE_SHAPE = frozenset({"name", "event_type", *ROOT_OF_CONTEXT})
"""Keys of an event's root that the log-line shape gives a meaning: they are context, not noise."""

_ENTRY = re.compile(rf"({FIRST_ENTRY}|{SECOND_ENTRY})(?=\.|$)")


def starred(path: str) -> str:
    """A path with ``*`` for the entries that `value_for` makes."""
    return _ENTRY.sub("*", path)


# --- alterations ------------------------------------------------------------------------------------------


def alterations(event: Event, markers: Sequence[str] = ()) -> Iterator[tuple[str, Event]]:
    """The event with one thing altered: each path deleted, replaced by each of `VALUES`; fields added to each object.

    The caller keeps those that change nothing declared.
    """
    text = orjson.dumps(event)
    for path in _paths(event):
        for value in (_DELETED, *VALUES):
            altered = orjson.loads(text)
            holder, last = _holder(altered, path)
            if value is _DELETED:
                del holder[last]
            else:
                holder[last] = value
            what = "deleted" if value is _DELETED else f"replaced by {_in_words(value)}"
            yield f"{'.'.join(map(str, path))} {what}", altered
    for path in [(), *(path for path in _paths(event) if type(_at(event, path)) is dict)]:
        for key, value in _ADDED:
            altered = orjson.loads(text)
            holder = _at(altered, path)
            if key not in holder:
                holder[key] = value
                yield f"{'.'.join(map(str, (*path, key)))} added", altered


_DELETED = object()
_ADDED: tuple[tuple[str, Any], ...] = (
    ("zip_code", "0150"), ("gender", "f"), ("nested", {"email": "someone@mail.no", "id": 3, "name": "Someone"}),
    ("list", [{"username": "someone"}]), ("number", 8), ("password", "hush"),
)  # fmt: skip


def _in_words(value: Any) -> str:
    return repr(value) if value in (None, "", True, False) and type(value) is not int else f"a {type(value).__name__}"


def _paths(event: Any, prefix: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    pairs = event.items() if type(event) is dict else enumerate(event) if type(event) is list else ()
    for key, inner in pairs:
        yield (*prefix, key)
        yield from _paths(inner, (*prefix, key))


def _at(event: Any, path: tuple[Any, ...]) -> Any:
    for key in path:
        event = event[key]
    return event


def _holder(event: Any, path: tuple[Any, ...]) -> tuple[Any, Any]:
    return _at(event, path[:-1]), path[-1]
