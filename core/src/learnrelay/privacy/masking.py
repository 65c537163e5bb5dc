"""Masks values: types in their place, and for ids a keyed digest, by which equal ones can be recognised."""

from __future__ import annotations

from hashlib import blake2b
from typing import Any

from ..kinds import INVALID, uuid
from .names import KEYS, tokens

HIDDEN = "…"
"""Stands for a value that is hidden."""

_TYPES = {bool: "true or false", int: "number", float: "number", type(None): "nothing"}
_SHOWN_DIGITS = 8


def shown_event_name(name: str, *, is_known: bool) -> str:
    """Returns the name of an event; a path that was requested, which may name a learner, is a value and hidden."""
    return name if is_known or "/" not in name else HIDDEN


def digest_value(value: object, key: bytes) -> str:
    """Returns a keyed digest of a value as 12 hexadecimal digits; 3 and "3" have the same."""
    return blake2b(str(value).encode("utf-8", "surrogatepass"), digest_size=6, key=key).hexdigest()


def mask(value: Any, key: bytes) -> Any:
    """Replaces each plain value of a JSON value by its type, with a keyed digest: ``text#0a1b2c3d4e5f``."""
    if isinstance(value, dict):
        return {name: mask(inner, key) for name, inner in value.items()}
    if isinstance(value, list):
        return [mask(inner, key) for inner in value]
    if isinstance(value, str):
        return f"{'id' if uuid(value) else 'text'}#{digest_value(value, key)}"
    return f"{_TYPES.get(type(value), 'value')}#{digest_value(value, key)}"


def mask_size(value: Any, key: bytes) -> str:
    """Masks a value, and describes an object or a list by the number of its entries."""
    if isinstance(value, (dict, list)):
        return f"{'object' if isinstance(value, dict) else 'list'} of {len(value)}"
    return str(mask(value, key))


def describe_masked(masked: str, name: str) -> str:
    """Describes a masked value for people: ``<text>``; for an id, by its type or its ``name``, ``<text 0a1b2c3d>``."""
    type_name, _, digest = masked.partition("#")
    is_id = type_name == "id" or not KEYS.isdisjoint(tokens(name)[-1:])
    return f"<{type_name} {digest[:_SHOWN_DIGITS]}>" if is_id and digest else f"<{type_name}>"


def describe_type(raw: Any) -> str:
    """Describes a JSON value by its type, never by itself."""
    if isinstance(raw, (dict, list)):
        return f"{'an object' if isinstance(raw, dict) else 'a list'} of {len(raw)}"
    if raw is INVALID:
        return "in a text that cannot be read"
    words = {str: "text", bool: "true or false", int: "a number", float: "a number", type(None): "nothing"}
    return words.get(type(raw), type(raw).__name__)
