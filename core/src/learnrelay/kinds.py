"""Kinds of source values: what a declared field accepts.

A kind is a function from the raw JSON value (never None) to the value that a mapping sees, or to None where
the raw value is not of this kind or is empty. Empty text, ``[]`` and ``{}`` count as missing; 0 and False are
values. Lists and objects reach `structure` and `scalars` only: whatever another kind does, it cannot pull in what
lies below a declared path. Where a value that is no identifier must not pass for none, `strict_text` and
`strict_identifier` make it `UNREADABLE`.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

_UUID = re.compile(r"([0-9a-fA-F]{8})-?([0-9a-fA-F]{4})-?([0-9a-fA-F]{4})-?([0-9a-fA-F]{4})-?([0-9a-fA-F]{12})")

_EXACT = 2**53

Scalar = str | int | float | bool


def scalar(value: Any) -> Scalar | None:
    """Text that is not empty, number or boolean: the default kind."""
    if type(value) is str:
        return value or None
    return value if type(value) in (int, float, bool) else None


def text(value: Any) -> str | None:
    """Text that is not empty."""
    return value or None if type(value) is str else None


def number(value: Any) -> int | float | None:
    """A finite number; booleans and numeric text are none."""
    if type(value) is int:
        return value
    return value if type(value) is float and math.isfinite(value) else None


def integer(value: Any) -> int | None:
    """A whole number that JSON says exactly (RFC 8259, 6); 3.0 is 3."""
    if type(value) not in (int, float) or not -_EXACT <= value <= _EXACT:
        return None
    return int(value) if value == int(value) else None


def count(value: Any) -> int | None:
    """A whole number from 0: attempts, hints, tabs."""
    found = integer(value)
    return None if found is None or found < 0 else found


def boolean(value: Any) -> bool | None:
    """True or false, nothing that resembles them."""
    return value if type(value) is bool else None


def identifier(value: Any) -> str | None:
    """An identifier as text: text that is not blank, or a whole number (3 and "3" are the same)."""
    if type(value) is str:
        return value.strip() or None
    return str(value) if type(value) is int else None


UNREADABLE = " "
"""What a strict kind makes of what is there and is none of it: a text that is no identifier of anything."""


def strict_text(value: Any) -> str | None:
    """Text as it stands; UNREADABLE for anything else, None for empty text."""
    return text(value) or _unreadable(value)


def strict_identifier(value: Any) -> str | None:
    """An identifier as text (6.0 is 6); UNREADABLE for anything else, None for empty text."""
    return identifier(integer(value) if type(value) is float else value) or _unreadable(value)


def _unreadable(value: Any) -> str | None:
    return None if scalar(value) is None else UNREADABLE


def uuid(value: Any) -> str | None:
    """A UUID in ASCII, with or without its hyphens, in either case → canonical lower-case text."""
    found = _UUID.fullmatch(value) if type(value) is str else None
    return "-".join(found.groups()).lower() if found else None


def moment(value: Any) -> datetime | None:
    """A date with time, ISO 8601, ``T`` or blank between them; without offset it is taken as UTC."""
    if type(value) is not str or len(value) < 16 or value[4] != "-" or value[7] != "-" or value[10] not in "T ":
        return None  # forms without hyphens, of weeks, and of days only, which no platform writes
    try:
        parsed = datetime.fromisoformat(value)
        if parsed.tzinfo is UTC:
            return parsed
        if parsed.tzinfo is None:
            return parsed.replace(tzinfo=UTC)
        offset = parsed.utcoffset()
        # RFC 3339 offsets have whole minutes; the moment must also exist in UTC
        in_utc = parsed.astimezone(UTC)
        return parsed if offset is not None and offset.total_seconds() % 60 == 0 else in_utc
    except (ValueError, OverflowError):
        return None


def scalars(value: Any) -> list[Scalar] | None:
    """A list of scalars; empty ones among them are left out."""
    if type(value) is not list:
        return None
    found = [item for item in value if item is not None and item != ""]
    return found if found and all(scalar(item) is not None for item in found) else None


def structure(value: Any) -> Scalar | list[Any] | dict[str, Any] | None:
    """Anything that is not empty, with all that lies below it: declare it only for what is data as a whole."""
    if value in ([], {}):
        return None
    return value if type(value) in (list, dict) else scalar(value)


Kind = Callable[[Any], Any]

TAKES_CONTAINERS: tuple[Kind, ...] = (scalars, structure)
"""Kinds whose field covers everything below its path."""


def takes_containers(kind: Kind) -> bool:
    """Whether a kind is one of these: itself, not something that says it equals one."""
    return any(kind is one for one in TAKES_CONTAINERS)


_STRICT: tuple[Kind, ...] = (strict_text, strict_identifier)


def is_strict(kind: Kind) -> bool:
    """Whether the list or object that stands in the place of a value is UNREADABLE, and not passed over."""
    return any(kind is one for one in _STRICT)


_IN_WORDS: dict[Kind, str] = {
    scalar: "text, a number or a boolean",
    integer: "a whole number",
    count: "a whole number from 0",
    boolean: "true or false",
    identifier: "an identifier",
    strict_text: "text",
    strict_identifier: "an identifier",
    uuid: "a UUID",
    moment: "a date with time",
    scalars: "a list of plain values",
    structure: "anything",
    number: "a number",
}


def described(kind: Kind) -> str:
    """A kind in words, for messages and tables."""
    return _IN_WORDS.get(kind, getattr(kind, "__name__", "a value"))
