"""Finds kinds that take single values out of a text: out of JSON, a form, a query string or a token."""

from __future__ import annotations

import json
import re
from base64 import urlsafe_b64encode
from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import parse_qsl, unquote, urlencode, urlsplit

_NAMES = (
    "email", "username", "user_name", "user", "name", "full_name", "first_name", "last_name", "user_id", "userid",
    "student_id", "id", "sub", "ip", "session", "phone", "address", "value", "answer", "response",
)  # fmt: skip
_MOST_NAMES = 60
_FIRST_MARK = 7_310_550_019
_NAME = re.compile(r"[\w.-]+")
_NUMBERS = re.compile(r"\d{10}")


def takes_from_text(field: Any, names_in_source: Sequence[str]) -> bool:
    """Tells whether a field's kind gives values of a text without the names by which they stand in it."""
    marks = mark_names(field.examples, names_in_source)
    return any(
        names_taken(_result_of(field.kind, text), _result_of(field.kind, turned), marks)
        for text, turned in texts_that_hold(marks)
    )


def mark_names(examples: Sequence[Any], names_in_source: Sequence[str]) -> dict[str, int]:
    """Gives a number of its own to each name that may stand in a text: usual ones, those of examples and the source."""
    in_examples = [name for example in examples for name in _names_in(example)]
    written = [name for name in names_in_source if _NAME.fullmatch(name)]
    names = dict.fromkeys([*_NAMES, *in_examples, *written[:_MOST_NAMES]])
    return {name: _FIRST_MARK + 17 * number for number, name in enumerate(names)}


def names_taken(made: str, turned: str, marks: Mapping[str, int]) -> set[str]:
    """Returns the names whose values were taken out of a text, and out of one that holds them in the other order.

    What stands beside its name is the text itself. What differs with the order was taken by its place.
    """
    return _names_shown(made, marks) & _names_shown(turned, marks)


def _names_shown(made: str, marks: Mapping[str, int]) -> set[str]:
    made = unquote(made)  # in addresses
    numbers = set(_NUMBERS.findall(made))
    shown = {name for name, mark in marks.items() if str(mark) in numbers}
    if len(shown) == len(marks):
        return set()
    is_text = any(re.search(rf"{re.escape(name)}[\W_]{{0,12}}{marks[name]}", made, re.IGNORECASE) for name in shown)
    return set() if is_text else shown


def _result_of(kind: Any, text: str) -> str:
    try:
        return repr(kind(text))
    except Exception:
        return ""


def texts_that_hold(marks: Mapping[str, int]) -> Iterator[tuple[str, str]]:
    """Yields texts of every usual form that hold the marks under their names, in order and in the other order."""
    yield from zip(_texts(marks), _texts(dict(reversed(list(marks.items())))), strict=True)


def _texts(marks: Mapping[str, int]) -> Iterator[str]:
    for values in (marks, {name: str(mark) for name, mark in marks.items()}):
        for content in (values, {"user": values, "data": values}):
            text = json.dumps(content)
            encoded = urlsafe_b64encode(text.encode()).decode().rstrip("=")
            padded = urlsafe_b64encode(text.encode()).decode()
            yield from (text, json.dumps([content]), padded, f"eyJhbGciOiJub25lIn0.{encoded}.c2ln")
    for joint, mark in (("; ", "="), (";", "="), ("\n", ": "), ("\n", "="), (", ", ": "), ("|", "=")):
        yield joint.join(f"{name}{mark}{number}" for name, number in marks.items())
    elements = "".join(f"<{name}>{number}</{name}>" for name, number in marks.items() if name.isidentifier())
    attributes = " ".join(f'{name}="{number}"' for name, number in marks.items() if name.isidentifier())
    yield from (f"<data>{elements}</data>", f"<data {attributes}/>")
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
