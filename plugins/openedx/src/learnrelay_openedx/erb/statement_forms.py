"""Reads xAPI statements so that their meaning can be compared: instants, lengths, lists, languages.

What is the same for Caliper events is used there too (`caliper_forms`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson

from learnrelay_xapi import vocabulary as v

from .. import xapi_vocabulary as openedx
from ..source import OpenedxSource

OTHER_KEYS = "(other keys)"
"""Stands for keys that no vocabulary has; they may be values of somebody."""

_PROPERTIES = frozenset({
    "account", "actor", "authority", "category", "choices", "completion", "context", "contextActivities",
    "correctResponsesPattern", "definition", "description", "display", "duration", "extensions", "grouping",
    "homePage", "id", "instructor", "interactionType", "language", "max", "mbox", "mbox_sha1sum", "member", "min",
    "moreInfo", "name", "object", "objectType", "openid", "other", "parent", "platform", "raw", "registration",
    "response", "result", "revision", "scaled", "scale", "score", "source", "statement", "steps", "stored",
    "success", "target", "team", "timestamp", "type", "verb", "version",
})  # fmt: skip
"""Names of the specification (1.0.3, Data)."""

VERBS = {
    value.id: value.word for module in (v, openedx) for value in vars(module).values() if isinstance(value, v.Verb)
}
"""IRI → word of the verbs that ERB or we use."""

_TERMS = frozenset(
    value for module in (v, openedx) for value in vars(module).values() if isinstance(value, str) and "://" in value
) | frozenset(OpenedxSource.terms.values())
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LANGUAGE = re.compile(r"[A-Za-z]{2,8}(?:-[A-Za-z0-9]{1,8})*")
_DURATION = re.compile(r"P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:\.\d+)?)S)?)?")


@dataclass(frozen=True, slots=True)
class FormedValue:
    """Holds a value, and what it means."""

    value: Any
    meaning: Any


def is_same_meaning(value: Any, other: Any) -> bool:
    """Tells whether two values differ in their form alone."""
    if isinstance(value, FormedValue) and isinstance(other, FormedValue):
        return bool(value.meaning == other.meaning)
    numbers = (int, float)
    return type(value) in numbers and type(other) in numbers and value == other


def read_instant(text: Any) -> int | None:
    """Reads a timestamp in milliseconds, as which stores may cut it; None for what is none, or has no offset."""
    try:
        instant = datetime.fromisoformat(text)
    except (TypeError, ValueError):
        return None
    return (instant - _EPOCH) // timedelta(milliseconds=1) if instant.tzinfo else None


def form_statement(statement: Mapping[str, Any]) -> dict[str, Any]:
    """Copies a statement with `FormedValue` where form and meaning differ. Unknown keys stand under `OTHER_KEYS`."""
    formed = {key: _form(value) for key, value in list_members(statement, _is_known)}
    if (instant := read_instant(statement.get("timestamp"))) is not None:
        formed["timestamp"] = FormedValue(statement["timestamp"], instant)
    result = formed.get("result")
    if isinstance(result, dict):
        for key, read in (("response", _read_list), ("duration", read_duration)):
            if isinstance(result.get(key), str) and (meaning := read(result[key])) is not None:
                result[key] = FormedValue(result[key], meaning)
    return formed


def unform(value: Any) -> Any:
    """Returns a value as the statement has it."""
    if isinstance(value, FormedValue):
        return value.value
    if isinstance(value, dict):
        return {key: unform(inner) for key, inner in value.items()}
    return [unform(inner) for inner in value] if isinstance(value, list) else value


def _form(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _form_member(key, inner) for key, inner in list_members(value, _is_known)}
    return [_form(item) for item in value] if isinstance(value, list) else value


def _form_member(key: str, value: Any) -> Any:
    if key in ("name", "description", "display") and isinstance(value, dict) and len(value) == 1:
        ((language, text),) = value.items()
        if _LANGUAGE.fullmatch(language) and isinstance(text, str):
            return FormedValue(value, text)
    return _form(value)


def _is_known(key: str) -> bool:
    return key in _PROPERTIES or key in _TERMS


def list_members(members: Mapping[str, Any], is_known: Callable[[str], bool]) -> Iterator[tuple[str, Any]]:
    """Yields keys and values; those of other keys together, as JSON under `OTHER_KEYS`."""
    others = {}
    for key, value in members.items():
        if is_known(key):
            yield key, value
        else:
            others[key] = value
    if others:
        yield OTHER_KEYS, orjson.dumps(others, option=orjson.OPT_SORT_KEYS).decode()


def _read_list(text: str) -> Any:
    if not text.startswith("["):
        return None
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        return None


def read_duration(text: str) -> float | None:
    """Reads a duration in seconds; None for what is none, or has months."""
    match = _DURATION.fullmatch(text)
    if match is None:
        return None
    days, hours, minutes, seconds = (float(part or 0) for part in match.groups())
    return ((days * 24 + hours) * 60 + minutes) * 60 + seconds
