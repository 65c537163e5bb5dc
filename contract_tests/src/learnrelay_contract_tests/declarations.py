"""What a plugin declares, as its process tells it, and what an event holds of that."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from learnrelay.fields import ENTRY_KEY, value_at


@dataclass(frozen=True)
class Declared:
    """One declared field. ``kind`` is a name of `learnrelay.kinds`, or ``custom``.

    ``digs``: a kind of the plugin's own makes something of objects or lists, though nothing below is declared.
    """

    name: str
    paths: tuple[str, ...]
    kind: str
    needed: bool
    container: bool
    reason: str
    examples: tuple[Any, ...]
    entries: tuple[Declared, ...] | None
    plain: bool = True
    digs: bool = False

    @property
    def is_key(self) -> bool:
        """Whether it is the key of an entry, not a path."""
        return self.paths == (ENTRY_KEY,)


def read(told: Sequence[Mapping[str, Any]]) -> tuple[Declared, ...]:
    """A declaration from its description."""
    return tuple(
        Declared(
            name=one["name"],
            paths=tuple(one["paths"]),
            kind=one["kind"],
            needed=one.get("needed", False),
            container=one.get("container", False),
            reason=one.get("reason", ""),
            examples=tuple(one.get("examples", ())),
            entries=None if one.get("entries") is None else read(one["entries"]),
            plain=one.get("plain", True),
            digs=one.get("digs", False),
        )
        for one in told
    )


def flat(fields: Sequence[Declared], prefix: str = "") -> Iterator[tuple[str, Declared]]:
    """(path, field) of all, with ``*`` for the entries of a collection."""
    for field in fields:
        for path in field.paths:
            if field.entries is not None:
                yield from flat(field.entries, f"{prefix}{path}.*.")
            elif not field.is_key:
                yield prefix + path, field


def projection(body: Mapping[str, Any], fields: Sequence[Declared]) -> bytes:
    """What an event holds at declared paths: two events that agree in it must have the same outcome.

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
    if type(raw) in (dict, list) and not container:
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
