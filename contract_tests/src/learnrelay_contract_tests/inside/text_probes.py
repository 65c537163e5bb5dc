"""Finds kinds that take single values out of a text: out of JSON, a form, a query string or a token."""

from __future__ import annotations

import json
from base64 import urlsafe_b64encode
from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

_NAMES = (
    "email", "username", "user_name", "user", "name", "full_name", "first_name", "last_name", "user_id", "userid",
    "student_id", "id", "sub", "ip", "session", "phone", "address", "value", "answer", "response",
)  # fmt: skip
_MOST_NAMES = 200
_FIRST_MARK = 7_310_550_019


def takes_from_text(field: Any, names_in_source: Sequence[str]) -> bool:
    """Tells whether a field's kind gives values of a text without the names by which they stand in it."""
    in_examples = [name for example in field.examples for name in _names_in(example)]
    names = dict.fromkeys([*_NAMES, *in_examples, *names_in_source[:_MOST_NAMES]])
    marks = {name: _FIRST_MARK + 17 * number for number, name in enumerate(names)}
    return any(_takes_some(field.kind, text, marks) for text in _texts(marks))


def _takes_some(kind: Any, text: str, marks: Mapping[str, int]) -> bool:
    try:
        made = repr(kind(text))
    except Exception:
        return False
    shown = [name for name, mark in marks.items() if str(mark) in made]
    return 0 < len(shown) < len(marks) and not any(name in made.lower() for name in shown)


def _texts(marks: Mapping[str, int]) -> Iterator[str]:
    for values in (marks, {name: str(mark) for name, mark in marks.items()}):
        for content in (values, {"user": values, "data": values}):
            text = json.dumps(content)
            encoded = urlsafe_b64encode(text.encode()).decode().rstrip("=")
            padded = urlsafe_b64encode(text.encode()).decode()
            yield from (text, json.dumps([content]), padded, f"eyJhbGciOiJub25lIn0.{encoded}.c2ln")
    form = urlencode(marks)
    yield from (form, f"https://learn.example.org/page?{form}", f"/page?{form}", f"https://learn.example.org/#{form}")


def _names_in(example: Any) -> list[str]:
    """Returns the names in an example, if it is such a text."""
    if type(example) is not str:
        return []
    try:
        parsed = json.loads(example)
    except ValueError:
        return [name for name, _ in parse_qsl(urlsplit(example).query or example)]
    return list(parsed) if type(parsed) is dict else []
