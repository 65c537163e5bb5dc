"""Defines kinds: functions that accept and convert the raw values of declared fields.

A kind is a function from the raw JSON value (never None) to the value that a mapping sees, or to None where the raw
value is not of this kind or is empty. Empty text, ``[]`` and ``{}`` count as missing; 0 and False are values. Only
`structure` and `scalars` get lists and objects, so that no other kind can read what lies below a declared path.
`strict_text`, `strict_identifier` and `strict_one_of` give `INVALID` for a value of another kind, so that it is not
taken as absent.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Final, TypeVar

V = TypeVar("V")

_UUID = re.compile(r"([0-9a-fA-F]{8})-?([0-9a-fA-F]{4})-?([0-9a-fA-F]{4})-?([0-9a-fA-F]{4})-?([0-9a-fA-F]{12})")

_EXACT = 2**53

LONGEST_ID = 1_024
"""Characters of an identifier: no platform makes longer ones."""

Scalar = str | int | float | bool


def scalar(value: Any) -> Scalar | None:
    """Accepts text that is not empty, a number or a boolean: the default kind."""
    if type(value) is str:
        return value or None
    return value if type(value) in (int, float, bool) else None


def text(value: Any) -> str | None:
    """Accepts text that is not empty."""
    return value or None if type(value) is str else None


def number(value: Any) -> int | float | None:
    """Accepts a finite number; no boolean and no numeric text."""
    if type(value) is int:
        return value
    return value if type(value) is float and math.isfinite(value) else None


def integer(value: Any) -> int | None:
    """Accepts a whole number that JSON represents exactly (RFC 8259, 6); 3.0 is 3."""
    if type(value) not in (int, float) or not -_EXACT <= value <= _EXACT:
        return None
    return int(value) if value == int(value) else None


def count(value: Any) -> int | None:
    """Accepts a whole number from 0: attempts, hints, tabs."""
    whole = integer(value)
    return None if whole is None or whole < 0 else whole


def boolean(value: Any) -> bool | None:
    """Accepts true or false only."""
    return value if type(value) is bool else None


def identifier(value: Any) -> str | None:
    """Reads an identifier as text: text that is not blank or too long, or a whole number (3 and "3" are the same)."""
    if type(value) is str:
        return value.strip() or None if len(value) <= LONGEST_ID else None
    return str(value) if type(value) is int else None


class Invalid:
    """Is the type of `INVALID`."""

    def __repr__(self) -> str:
        """Shows ``INVALID``."""
        return "INVALID"


INVALID: Final = Invalid()
"""Result of a strict kind for a value that is present, but not of this kind."""


def strict_text(value: Any) -> str | Invalid | None:
    """Reads text unchanged; INVALID for blank text and other values, None for empty text."""
    as_text = text(value)
    return as_text if as_text is not None and as_text.strip() else _invalid(value)


def strict_identifier(value: Any) -> str | Invalid | None:
    """Reads an identifier as text (6.0 is 6); INVALID for other values, None for empty text."""
    return identifier(integer(value) if type(value) is float else value) or _invalid(value)


def _invalid(value: Any) -> Invalid | None:
    return None if scalar(value) is None else INVALID


def uuid(value: Any) -> str | None:
    """Reads a UUID in ASCII, with or without hyphens, in any case, as canonical lower-case text."""
    match = _UUID.fullmatch(value) if type(value) is str else None
    return "-".join(match.groups()).lower() if match else None


def moment(value: Any) -> datetime | None:
    """Reads a date with time (ISO 8601, ``T`` or blank between them); without offset it is UTC."""
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
    """Reads a list of scalars, without the empty ones."""
    if type(value) is not list:
        return None
    items = [item for item in value if item is not None and item != ""]
    return items if items and all(scalar(item) is not None for item in items) else None


def one_of(*words: str) -> Callable[[Any], str | None]:
    """Makes a kind that accepts these texts only: the words of a closed list, in which nobody can write something.

    >>> one_of("up", "down")("up"), one_of("up", "down")("my name")
    ('up', None)
    """

    def kind(value: Any) -> str | None:
        return value if value in words else None

    vars(kind)["words"] = words  # for samples
    kind.__name__ = f"one of {', '.join(words)}"
    return kind


class StrictWords:
    """Is the kind that `strict_one_of` makes."""

    def __init__(self, words: tuple[str, ...]) -> None:
        self.words = words
        self.__name__ = f"one of {', '.join(words)}"

    def __call__(self, value: Any) -> str | Invalid:
        return value if type(value) is str and value in self.words else INVALID


def strict_one_of(*words: str) -> Callable[[Any], str | Invalid | None]:
    """Makes a kind that accepts these texts only; INVALID for all else but null, empty text included.

    >>> strict_one_of("up", "down")("up"), strict_one_of("up", "down")("")
    ('up', INVALID)
    """
    return StrictWords(words)


class Containment:
    """Is the kind that `containing` makes."""

    def __init__(self, part: str, there: str | Callable[[str], str], missing: str) -> None:
        self.part, self.there, self.missing = part, there, missing
        words = there if isinstance(there, str) else f"what {there.__name__} makes of it"
        self.__name__ = f"{words}, if the text contains {part}, else {missing}"

    def __call__(self, value: Any) -> str:
        if type(value) is not str or self.part not in value:
            return self.missing
        return self.there if isinstance(self.there, str) else self.there(value)


def containing(part: str, there: str | Callable[[str], str], missing: str) -> Callable[[Any], str]:
    """Makes a kind that gives one of two words: whether a text contains a part. Nothing of the text is kept.

    ``there`` may be a function that makes the word of the text, where the text contains the part.

    >>> containing("/publish_event", "published", "request")("/x/handler/publish_event")
    'published'
    """
    return Containment(part, there, missing)


class TextKind:
    """Is the kind that `of_text` makes."""

    def __init__(self, convert: Callable[[str], Any], name: str) -> None:
        self.convert = convert
        self.__name__ = name

    def __call__(self, value: Any) -> Any:
        return self.convert(value) if type(value) is str else None


def of_text(convert: Callable[[str], V | None], name: str) -> Callable[[Any], V | None]:
    """Makes a kind of a function that reads text; other values are not of this kind. ``name`` describes it in messages.

    >>> of_text(str.strip, "trimmed text")(" a "), of_text(str.strip, "trimmed text")(7)
    ('a', None)
    """
    return TextKind(convert, name)


def structure(value: Any) -> Scalar | list[Any] | dict[str, Any] | None:
    """Accepts any value that is not empty, with everything below it: declare it only where all of that is needed."""
    if value in ([], {}):
        return None
    return value if type(value) in (list, dict) else scalar(value)


Kind = Callable[[Any], Any]

TAKES_CONTAINERS: tuple[Kind, ...] = (scalars, structure)
"""Kinds whose field covers everything below its path."""


def takes_containers(kind: Kind) -> bool:
    """Tells whether a kind is one of `TAKES_CONTAINERS`, by identity rather than equality."""
    return any(kind is container_kind for container_kind in TAKES_CONTAINERS)


_STRICT: tuple[Kind, ...] = (strict_text, strict_identifier)


def is_strict(kind: Kind) -> bool:
    """Tells whether a list or object in the place of a value is INVALID rather than absent."""
    return isinstance(kind, StrictWords) or any(kind is strict_kind for strict_kind in _STRICT)


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
    """Describes a kind, for messages and tables."""
    return _IN_WORDS.get(kind, getattr(kind, "__name__", "a value"))
