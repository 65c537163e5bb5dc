"""Makes samples of source events from declarations, puts personal markers around them, and alters them."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson

from learnrelay.events import Shape
from learnrelay.fields import value_at
from learnrelay.inner_texts import read_step, write_step
from learnrelay.privacy.samples import BY_KIND, put

from .declarations import Declared, accepts, flat

Event = dict[str, Any]

PERSONAL_NOISE = (
    "email", "username", "ip", "full_name", "session", "agent", "phone_number", "date_of_birth", "address", "user_id",
)  # fmt: skip

VALUES: tuple[Any, ...] = (
    None, "", "another text", "2031-01-01T00:00:00Z", 0, 917_263_554, -2.5, True, False, [], ["a", 1], {},
    {"a": {"b": 1}},
)  # fmt: skip
"""Values that replace an undeclared path: one of every type that JSON has."""

NASTY: tuple[Any, ...] = (
    None, "", " ", "\x00", "a\ud7ff\U0001f600é", "x" * 5000, "-1", "NaN", "http://", "key:", "%", "://[",
    "0000-00-00T00:00:00", "9999-12-31T23:59:59.999999-23:59", 0, -1, 2**63 - 1, -(2**63), 1e308, -1e-300, 0.1 + 0.2,
    True, False, [], [None], ["", []], [[["x"]]], {}, {"": None}, {"a": {"b": [1]}}, {"id": 1}, "{}", '["x"]',
    10**6, 10**12, "²", "١٢", "http://[", "9999-12-31T00:00:00+00:00", "0001-01-01T00:00:00+00:00", "a/b", "a+b",
)  # fmt: skip
"""Malformed values: each replaces each declared value once, and so does half of a text."""


def malformed_paths(fields: Sequence[Declared]) -> list[str]:
    """Lists the declared paths to fill with malformed values: of a collection, itself and its first entry."""
    paths = []
    for path, _ in flat(fields):
        if path != "name":
            paths += [path[: path.index(".*")], path.replace("*", FIRST_ENTRY)] if "*" in path else [path]
    return list(dict.fromkeys(paths))


def malformed(event: Event, fields: Sequence[Declared]) -> Iterator[tuple[tuple[str, Any], Event]]:
    """Yields ((path, value), event) for each of `NASTY` at each declared path."""
    halves = {
        path.replace("*", FIRST_ENTRY): [value[: len(value) // 2] for value in field.values[:1] if type(value) is str]
        for path, field in flat(fields)
    }
    for path in malformed_paths(fields):
        for value in (*NASTY, *halves.get(path, ())):
            altered = copy(event)
            put(altered, path, value)
            yield (path, value), altered


@dataclass(frozen=True)
class Sample:
    """Holds a source event in the canonical shape, and a label that says what differs. ``left_out``: absent fields."""

    label: str
    event: Event
    left_out: tuple[str, ...] = ()


@dataclass(frozen=True)
class Marker:
    """Holds a personal value, and the undeclared path where it stands."""

    path: str
    text: str = field(repr=False)


def delete_path(event: Event, path: str) -> None:
    """Deletes the value at a path, if there is one."""
    head, mark, rest = path.partition("|")
    if mark:
        form, _, rest = rest.partition(".")
        outer_path, _, key = head.rpartition(".")
        holder = value_at(event, outer_path)
        inner = read_step(holder, f"{key}|{form}") if type(holder) is dict else None
        if type(inner) is dict:
            delete_path(inner, rest)
            write_step(holder, f"{key}|{form}", inner)
        return
    outer_path, _, last = path.rpartition(".")
    holder = value_at(event, outer_path) if outer_path else event
    if type(holder) is dict:
        holder.pop(last, None)


MOST_ENTRIES = 8
"""Variants of a collection: each has other values in its entries."""

FIRST_ENTRY, SECOND_ENTRY = "first", "second"
"""Keys of the entries that samples have in their collections."""


def value_for(declared: Declared, number: int = 0) -> Any:
    """Returns the ``number``-th sample value of a field; for a collection, an object with two entries."""
    if declared.entries is None:
        return declared.values[number % len(declared.values)]
    entries = {}
    for position, key in enumerate((FIRST_ENTRY, SECOND_ENTRY)):
        entry: Event = {}
        for inner in declared.entries:
            if not inner.is_key:
                put(entry, inner.paths[0], value_for(inner, number + position))
        entries[key] = entry
    return entries


def basis(name: str) -> Event:
    """Returns an event of this name without data and context."""
    return {"name": name, "data": {}, "context": {}, "timestamp": BY_KIND["moment"][0]}


def build(name: str, fields: Sequence[Declared], chosen: Mapping[str, tuple[str, Any]]) -> Event:
    """Builds an event with the chosen fields, name → (path, value). A longer path replaces a value above it."""
    event = basis(name)
    for declared in sorted(fields, key=lambda field: -max(map(len, field.paths))):
        if declared.name in chosen and not declared.is_key:
            path, value = chosen[declared.name]
            if path != "name":
                put(event, path, copy(value))
    return event


def whole_of(fields: Sequence[Declared]) -> dict[str, tuple[str, Any]]:
    """Returns the fields of the complete sample: name of the field → (path, value)."""
    return {field.name: (field.paths[0], value_for(field)) for field in fields if _is_put(field)}


def _is_put(declared: Declared) -> bool:
    return not declared.is_key and declared.paths != ("name",)


def samples_of(
    name: str, fields: Sequence[Declared], own: Sequence[Declared] = (), literals: Sequence[Any] = ()
) -> list[Sample]:
    """Makes the samples of an event: the complete one first, then the one with the required fields only.

    literals: values that the source compares with; each is tried in each of the fields ``own`` that takes it.
    """
    usable = [declared for declared in fields if _is_put(declared)]
    whole = whole_of(fields)
    needed = {declared.name: whole[declared.name] for declared in usable if declared.needed}
    optional = [declared for declared in usable if not declared.needed]
    absent = tuple(declared.name for declared in optional)
    made = [
        Sample("complete", build(name, fields, whole)),
        Sample(LEAST, build(name, fields, needed), absent),
        Sample(
            "complete, other values",
            build(name, fields, {declared.name: (declared.paths[0], value_for(declared, 1)) for declared in usable}),
        ),
    ]
    for declared in usable:
        for number, value in enumerate(_alternatives(declared)):
            if number:
                chosen = whole | {declared.name: (declared.paths[0], value)}
                made.append(Sample(f"another {declared.name} ({number})", build(name, fields, chosen)))
            if number and declared.needed and number < MOST_ALONE:
                least = build(name, fields, needed | {declared.name: (declared.paths[0], value)})
                made.append(Sample(f"another {declared.name} ({number}), {LEAST}", least, absent))
        for path in declared.paths[1:]:
            chosen = {declared.name: (path, value_for(declared))}
            made.append(Sample(f"{declared.name} at {path}", build(name, fields, whole | chosen)))
    for declared in optional:
        rest = {key: at for key, at in whole.items() if at[0] != declared.paths[0] or key in needed}
        made.append(Sample(f"without {declared.name}", build(name, fields, rest), (declared.name,)))
        others = tuple(other.name for other in optional if other is not declared)
        for number, value in enumerate(_alternatives(declared)[:MOST_ALONE]):
            alone = build(name, fields, needed | {declared.name: (declared.paths[0], value)})
            made.append(Sample(f"{declared.name} alone" + (f" ({number})" if number else ""), alone, others))
    tried = [(declared, value) for value in literals for declared in own if _may_hold(declared, value)]
    for number, (declared, value) in enumerate(tried[:MOST_LITERALS], 1):
        chosen = whole | {declared.name: (declared.paths[0], value)}
        made.append(Sample(f"{declared.name}{A_LITERAL} ({number})", build(name, fields, chosen)))
    return _distinct(made)


MOST_ALONE = 3
"""Values that a field has in samples without all other optional fields."""

LEAST = "required fields only"
A_LITERAL = " is a value that the source knows"
MOST_LITERALS = 48


def _may_hold(declared: Declared, value: Any) -> bool:
    if declared.is_key or declared.entries is not None or declared.paths == ("name",):
        return False
    return declared.kind == "custom" or accepts(declared.kind, value)


def _alternatives(declared: Declared) -> list[Any]:
    """Lists values to try; of a collection also one entry alone, and one entry without its optional fields."""
    if declared.entries is None:
        return list(declared.values)
    most = max((len(inner.values) for inner in declared.entries if inner.entries is None), default=1)
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
    """Copies a JSON value deeply."""
    return orjson.loads(orjson.dumps(value))


# --- shapes -----------------------------------------------------------------------------------------------


def as_line(event: Event, shape: Shape, payload_as_text: bool = False) -> Event:
    """Writes an event in a source's other shape, that of its log lines: with the last of the keys that it reads."""
    event = copy(event)
    context = event["context"] if type(event["context"]) is dict else {}
    at_root = {key: context.pop(key) for key in shape.context_at_root if key in context}
    payload = event["data"]
    if payload_as_text and shape.json_in_data and type(payload) is dict:
        payload = orjson.dumps(payload).decode()
    return {
        **dict.fromkeys(shape.name, event["name"]), shape.timestamp[-1]: event["timestamp"], shape.data[-1]: payload,
        shape.context: context, **at_root,
        **{key: value for key, value in event.items() if key not in ("name", "data", "context", "timestamp")},
    }  # fmt: skip


def message_of(event: Event, shape: str) -> list[Any]:
    """Makes the message to the plugin's process: a raw event as ``line``, one in the canonical shape as ``object``."""
    return ["line", orjson.dumps(event).decode()] if shape == "line" else ["object", event]


# --- markers ----------------------------------------------------------------------------------------------


def marker_text(rng: random.Random, name: str) -> str:
    """Makes a personal value that occurs nowhere else, in a form that suits the name of the field."""
    word = "".join(rng.choice("bcdfghjklmnpqrstvwxz") + rng.choice("aeiouy") for _ in range(5)).capitalize()
    if name == "email":
        return f"{word}@{word.lower()[::-1]}.no"
    if name in ("ip", "phone_number", "user_id"):
        return str(rng.randrange(10**13, 10**14))
    return f"{word} {rng.randrange(10**5, 10**6)}"


def with_markers(event: Event, declared: set[str], seed: str, shape: Shape) -> tuple[Event, list[Marker]]:
    """Plants a personal marker in each undeclared field that might hold a personal value, at every level.

    The same seed and path give the same marker.
    """
    event = copy(event)
    markers: list[Marker] = []
    of_the_shape = {*shape.name, *shape.timestamp, *shape.data, *shape.context_at_root}  # no noise, at the root

    def plant(holder: Event, prefix: str) -> None:
        for key, inner in list(holder.items()):
            path = f"{prefix}{key}"
            if type(inner) is dict and f"{starred(path)}.**" not in declared:
                plant(inner, f"{path}.")
        for name in PERSONAL_NOISE:
            path = f"{prefix}{name}"
            if name in holder or starred(path) in declared or path in of_the_shape:
                continue
            marker = Marker(path, marker_text(random.Random(f"{seed}/{path}"), name))  # noqa: S311  # for samples
            holder[name] = int(marker.text) if name == "user_id" else marker.text
            markers.append(marker)

    plant(event, "")
    return event, markers


_ENTRY = re.compile(rf"({FIRST_ENTRY}|{SECOND_ENTRY})(?=\.|$)")


def starred(path: str) -> str:
    """Replaces the keys of entries that `value_for` makes by ``*`` in a path."""
    return _ENTRY.sub("*", path)


# --- alterations ------------------------------------------------------------------------------------------


def alterations(event: Event, markers: Sequence[str] = ()) -> Iterator[tuple[str, Event]]:
    """Yields the event with one change each: a path deleted or replaced by one of `VALUES`, or a field added.

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
