"""Represents what a plugin declares, as its process describes it, and projects events onto it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import orjson

from learnrelay import kinds
from learnrelay.fields import ENTRY_KEY, value_at
from learnrelay.privacy.samples import realistic_values
from learnrelay.sample_values import SampleValues


@dataclass(frozen=True)
class Declared:
    """Describes one declared field. ``kind`` is a name of `learnrelay.kinds`, or ``custom``.

    ``values``: raw values that it takes, at least one, usually two or more; of a collection none.
    ``digs``: a kind of the plugin's own makes something of objects or lists, though nothing below is declared.
    ``is_never_taken``: it takes none of the values that are tried.
    ``reads_within``: it takes a value out of a text that holds several (JSON, a form, a query string).
    """

    name: str
    paths: tuple[str, ...]
    kind: str
    needed: bool
    container: bool
    reason: str
    examples: tuple[Any, ...]
    entries: tuple[Declared, ...] | None
    values: tuple[Any, ...] = ()
    plain: bool = True
    digs: bool = False
    is_never_taken: bool = False
    reads_within: bool = False

    @property
    def is_key(self) -> bool:
        """Tells whether the field is the key of an entry, not a path."""
        return self.paths == (ENTRY_KEY,)


def read(descriptions: Sequence[Mapping[str, Any]], sample_values: SampleValues) -> tuple[Declared, ...]:
    """Builds declared fields from their descriptions, with values such as the platform writes."""
    return tuple(_read_field(description, sample_values) for description in descriptions)


def _read_field(description: Mapping[str, Any], sample_values: SampleValues) -> Declared:
    kind, examples = description["kind"], tuple(description.get("examples", ()))
    entries = description.get("entries")
    lenient = kind.removeprefix("strict_")  # takes fewer values, and the same ones
    values = realistic_values(
        description["paths"][0], lenient, lambda value: accepts(kind, value), examples, sample_values
    )
    return Declared(
        name=description["name"],
        paths=tuple(description["paths"]),
        kind=kind,
        needed=description.get("needed", False),
        container=description.get("container", False),
        reason=description.get("reason", ""),
        examples=examples,
        entries=None if entries is None else read(entries, sample_values),
        values=() if entries is not None else tuple(values),
        plain=description.get("plain", True),
        digs=description.get("digs", False),
        is_never_taken=description.get("is_never_taken", False),
        reads_within=description.get("reads_within", False),
    )


def with_agreeing_values(fields: Sequence[Declared]) -> tuple[Declared, ...]:
    """Gives fields that read one path values that all their kinds accept, where there are any.

    Which values a plugin's own kind accepts is not known: of several such kinds, that of a required field counts.
    """
    readers: dict[str, list[Declared]] = {}
    for field in fields:
        readers.setdefault(field.paths[0], []).append(field)

    def agreeing(field: Declared) -> Declared:
        others = readers[field.paths[0]]
        if field.entries is not None or len(others) == 1:
            return field
        deciding = next(filter(_is_decisive, reversed(others)), field)
        if field.kind == "custom" and deciding is not field:
            return replace(field, values=(*deciding.values, *field.values))
        candidates = (value for other in (field, *others) for value in other.values)
        values = [value for value in candidates if all(accepts(other.kind, value) for other in others)]
        own = [value for value in field.values if value in values]
        return replace(field, values=tuple(own or values) or field.values)

    return tuple(map(agreeing, fields))


def _is_decisive(field: Declared) -> bool:
    return field.needed and field.kind == "custom" and bool(field.examples)


def accepts(kind: str, value: Any) -> bool:
    """Tells whether a value is of the kind of this name; for a kind of the plugin's own, always True."""
    if kind == "custom":
        return True
    takes: Callable[[Any], Any] = getattr(kinds, kind)
    return value is not None and (made := takes(value)) is not None and made is not kinds.INVALID


def flat(fields: Sequence[Declared], prefix: str = "") -> Iterator[tuple[str, Declared]]:
    """Yields (path, field) for each declared path, with ``*`` for the entries of a collection."""
    for field in fields:
        for path in field.paths:
            if field.entries is not None:
                yield from flat(field.entries, f"{prefix}{path}.*.")
            elif not field.is_key:
                yield prefix + path, field


def projection(body: Mapping[str, Any], fields: Sequence[Declared]) -> bytes:
    """Serializes what an event holds at declared paths: events with the same projection must have the same outcome.

    A container where no container is declared counts by its type, and whether it is empty: nothing below it is
    declared.
    """
    return orjson.dumps([body.get("name"), *(_seen(body, field) for field in fields)])


def _seen(body: Mapping[str, Any], field: Declared) -> Any:
    if field.is_key:
        return None
    if field.entries is not None:
        return _entries(value_at(body, field.paths[0]), field.entries)
    return [_value(value_at(body, path), field.container) for path in field.paths]


def _value(raw: Any, container: bool) -> Any:
    if raw is kinds.INVALID or (type(raw) in (dict, list) and not container):
        return [type(raw).__name__, bool(raw)]
    return [raw]


def _entries(raw: Any, fields: Sequence[Declared]) -> Any:
    pairs = list(raw.items()) if type(raw) is dict else list(enumerate(raw)) if type(raw) is list else []
    keyed = any(field.is_key for field in fields)
    return [
        [str(key) if keyed else None, [_seen(item, field) for field in fields]]
        for key, item in pairs
        if type(item) is dict
    ]
