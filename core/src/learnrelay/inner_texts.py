"""Reads texts that hold further values: JSON, forms and query strings.

In a path, ``KEY|FORM`` stands for the object that the text at ``KEY`` holds. What is declared is one value of it, by
its name (ADR 19). A text that is not of its form, or too long, holds nothing; for strict kinds, all in it is INVALID.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import orjson

from .kinds import INVALID, Invalid

LONGEST_INNER_TEXT = 2**16
"""Characters of a text that is read."""

_MOST_VALUES = 1_000  # of a form

Read = Callable[[str], "dict[str, Any] | None"]


_PYTHONS_OWN = re.compile(rb"NaN|Infinity|\\u[dD][89a-fA-F]")
"""What only Python's writer makes of numbers that are not finite, and of half a character."""


def read_pythons_json(content: bytes) -> Any:
    """Reads what Python's writer makes though JSON has none of it; None for any other invalid JSON.

    ``NaN`` and ``Infinity`` are read as null; half a character, of a text that was cut in an emoji, as U+FFFD.
    """
    if _PYTHONS_OWN.search(content) is None:
        return None
    try:
        parsed = json.loads(content, parse_constant=lambda _: None, parse_int=orjson.loads)
        text = (
            json.dumps(parsed, ensure_ascii=False).encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
        )
        return orjson.loads(text)  # refuses other extensions that the slow reader accepts
    except (ValueError, TypeError, RecursionError):
        return None


def _read_json(text: str) -> dict[str, Any] | None:
    try:
        parsed = orjson.loads(text)
    except orjson.JSONDecodeError:
        parsed = read_pythons_json(text.encode())
    return parsed if type(parsed) is dict else None


def _read_form(text: str) -> dict[str, Any]:
    """Reads a form; of several values of a name the first."""
    return dict(reversed(parse_qsl(text, max_num_fields=_MOST_VALUES)))


def _read_query(text: str) -> dict[str, Any]:
    return _read_form(urlsplit(text).query)


READERS: dict[str, Read] = {"json": _read_json, "form": _read_form, "query": _read_query}
"""Name of a form → its reader, which raises ValueError."""


_UNREADABLE = {"json": "{", "form": "&" * _MOST_VALUES, "query": "http://["}
"""Name of a form → a text that is not of it."""


def read_step(holder: Mapping[str, Any], step: str) -> dict[str, Any] | Invalid | None:
    """Returns the object in a text of ``holder``, by a step ``KEY|FORM`` of a path.

    None without a text, INVALID for a text that is not of its form.
    """
    key, _, form = step.partition("|")
    text = holder.get(key)
    if type(text) is not str or not text:
        return INVALID if text is INVALID else None
    if len(text) > LONGEST_INNER_TEXT:
        return INVALID
    try:
        inner = READERS[form](text)
    except ValueError:
        return INVALID
    return INVALID if inner is None else inner


def is_cut_off(error: orjson.JSONDecodeError) -> bool:
    """Tells whether JSON ended too early, and was valid up to there."""
    return error.msg.startswith("unexpected end of data")


def describe_payload(text: str) -> str:
    """Returns why a payload that is still text holds no object: it is JSON that was cut off; empty for other text."""
    try:
        if text[:1] in ("{", "["):
            orjson.loads(text)
    except orjson.JSONDecodeError as error:
        return "the payload is JSON that is cut off" if is_cut_off(error) else "the payload is no valid JSON"
    return ""


def write_step(holder: dict[str, Any], step: str, inner: Mapping[str, Any] | Invalid) -> None:
    """Writes the object into a text of ``holder``: the reverse of `read_step`, for samples and for pruned events."""
    key, _, form = step.partition("|")
    if isinstance(inner, Invalid):
        holder[key] = _UNREADABLE[form]
        return
    if form == "json":
        holder[key] = orjson.dumps(inner).decode()
        return
    text = urlencode({name: value for name, value in inner.items() if type(value) in (str, int, float, bool)})
    holder[key] = text if form == "form" else f"https://learn.example.org/page?{text}"
