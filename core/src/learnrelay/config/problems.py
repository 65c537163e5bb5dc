"""Reads the operator's file, and lists all its problems, each with file, key, reason and cure."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from marshmallow import Schema, ValidationError

from ..errors import ConfigurationError, Problem
from .fields import UNKNOWN, Table, Tables, did_you_mean_or_all


def read_toml(path: Path) -> dict[str, Any]:
    """Parses the file as TOML. Raises ConfigurationError with the line of a syntax error."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except tomllib.TOMLDecodeError as error:
        raise ConfigurationError([Problem(str(path), "", f"not valid TOML: {error}")]) from None
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or "it is not UTF-8 text"
        raise ConfigurationError([Problem(str(path), "", f"cannot be read: {why}")]) from None


def load_section(
    schema: Schema, raw: Mapping[str, Any], file: str, key: str, also: Sequence[str] = ()
) -> tuple[dict[str, Any], list[Problem]]:
    """Validates a table. Returns its valid values and its problems. ``also``: keys that are validated elsewhere."""
    try:
        return schema.load(raw), []
    except ValidationError as error:
        valid = error.valid_data if isinstance(error.valid_data, dict) else {}
        return valid, [Problem(file, at, why) for at, why in _flat(schema, error.messages, key, also)]


def _flat(schema: Any, messages: Any, key: str, also: Sequence[str] = ()) -> Iterator[tuple[str, str]]:
    """Flattens marshmallow's messages to (dotted key, reason), with the nearest key for an unknown one, or all."""
    if isinstance(messages, Mapping):
        known = getattr(schema, "fields", {})
        for name, inner in messages.items():
            at = key if name == "_schema" else f"{key}.{name}" if key else str(name)
            if inner == [UNKNOWN]:
                yield at, UNKNOWN + did_you_mean_or_all(str(name), [*known, *also])
                continue
            field = known.get(name)
            if isinstance(field, Tables) and isinstance(inner, Mapping):
                for item, of_item in inner.items():
                    yield from _flat(field.section(), of_item, f"{at}.{item}")
                continue
            yield from _flat(field.section() if isinstance(field, Table) else None, inner, at)
    elif isinstance(messages, list):
        for message in messages:
            yield from _flat(schema, message, key)
    else:
        yield key, str(messages)
