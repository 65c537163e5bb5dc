"""Finds kinds that take single values out of a text: out of JSON, a form, a query string or a token.

Two sorts of texts are tried: usual forms, in which numbers stand under many names, also inside each other; and the
examples of the author, for kinds that read their own form alone, each with one value replaced by a number.
"""

from __future__ import annotations

import json
import re
from base64 import urlsafe_b64encode
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import islice
from typing import Any
from urllib.parse import parse_qsl, unquote, urlencode, urlsplit

_NAMES = (
    "email", "username", "user_name", "user", "name", "full_name", "first_name", "last_name", "user_id", "userid",
    "student_id", "id", "sub", "ip", "session", "phone", "address", "value", "answer", "response",
)  # fmt: skip
_MOST_NAMES = 60
_MOST_OUTER_NAMES = 10  # of three levels: each holds all others
_MOST_VALUES = 60  # of an example
_FIRST_MARK = 7_310_550_019
_NAME = re.compile(r"[\w.-]+")
_NUMBERS = re.compile(r"\d{10}")
_WORD = re.compile(r"[a-zA-Z_]\w+")
_NOT_WORD = re.compile(r"\W+")
_TYPE_OF_PHP = r"(?:i:|s:10:\W{1,2})?"


def takes_from_text(field: Any, names_in_source: Sequence[str]) -> bool:
    """Tells whether a field's kind gives values of a text without the names by which they stand in it."""
    marks = mark_names(field.examples, names_in_source)
    return any(
        names_taken(_result_of(field.kind, text), _result_of(field.kind, turned), marks)
        for text, turned in texts_that_hold(marks)
    ) or any(
        all(gives_mark_alone(_result_of(field.kind, text), text) for text in pair)
        for pair in altered_examples(field.examples)
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
    is_text = any(
        re.search(rf"{re.escape(name)}[\W_]{{0,12}}{_TYPE_OF_PHP}{marks[name]}", made, re.IGNORECASE) for name in shown
    )
    return set() if is_text else shown


def _result_of(kind: Any, text: str) -> str:
    try:
        return repr(kind(text))
    except Exception:
        return ""


def texts_that_hold(marks: Mapping[str, int]) -> Iterator[tuple[str, str]]:
    """Yields texts of every usual form that hold the marks under their names, in order and in the other order."""
    pairs = tuple(marks.items())
    yield from zip(_texts(pairs), _texts(pairs[::-1]), strict=True)


@lru_cache(maxsize=16)
def _texts(pairs: tuple[tuple[str, int], ...]) -> tuple[str, ...]:
    """Returns some 40 texts, of 2 MB together: most fields are asked with the same ones, in each assembly."""
    return tuple(_write_texts(dict(pairs)))


def _write_texts(marks: Mapping[str, int]) -> Iterator[str]:
    for values in (marks, {name: str(mark) for name, mark in marks.items()}):
        inside = dict.fromkeys(marks, values)
        for content in (values, {"user": values, "data": values}):
            text = json.dumps(content)
            encoded = urlsafe_b64encode(text.encode()).decode().rstrip("=")
            padded = urlsafe_b64encode(text.encode()).decode()
            yield from (text, json.dumps([content]), padded, f"eyJhbGciOiJub25lIn0.{encoded}.c2ln")
        outer = [name for name in marks if name.isidentifier() and name not in _NAMES][:_MOST_OUTER_NAMES]
        yield from (json.dumps(inside), json.dumps({name: dict.fromkeys(outer, values) for name in outer}))
        written = json.dumps(values)
        yield from (json.dumps(dict.fromkeys(marks, written)), urlencode(dict.fromkeys(marks, written)))
    for joint, mark in (("; ", "="), (";", "="), ("\n", ": "), ("\n", "="), (", ", ": "), ("|", "=")):
        yield joint.join(f"{name}{mark}{number}" for name, number in marks.items())
    for form in ("i:%d;", 's:10:"%d";'):  # as PHP writes them
        pairs = (f's:{len(name)}:"{name}";{form % mark}' for name, mark in marks.items())
        yield f"a:{len(marks)}:{{{''.join(pairs)}}}"
    elements = "".join(f"<{name}>{number}</{name}>" for name, number in marks.items() if name.isidentifier())
    attributes = " ".join(f'{name}="{number}"' for name, number in marks.items() if name.isidentifier())
    yield from (f"<data>{elements}</data>", f"<data {attributes}/>")
    form = urlencode(marks)
    yield from (form, f"https://learn.example.org/page?{form}", f"/page?{form}", f"https://learn.example.org/#{form}")


# --- examples of the author -----------------------------------------------------------------------------


def altered_examples(examples: Iterable[Any]) -> Iterator[tuple[str, str]]:
    """Yields examples that are JSON or hold a form, once for each value, with a mark in its place; also turned round.

    Those of a single value are left out: nobody can tell whether it is taken by its name or by its place.
    """
    for example in examples:
        if type(example) is str:
            altered = list(islice(_altered_text(example), _MOST_VALUES))
            turned = list(islice(_altered_text(example, is_turned=True), _MOST_VALUES))
            yield from zip(altered, turned, strict=True) if len(altered) > 1 else ()


def gives_mark_alone(made: str, text: str) -> bool:
    """Tells whether a mark was taken out of a text of `altered_examples`, without what stands around it there."""
    mark = str(_FIRST_MARK)
    around = re.search(rf".{{0,40}}{mark}.{{0,40}}", _words(text))
    return mark in made and (around is None or around[0] not in _words(made))


def _words(text: str) -> str:
    return _NOT_WORD.sub("", unquote(text)).lower()


def _altered_text(text: str, is_turned: bool = False) -> Iterator[str]:
    try:
        parsed = json.loads(text)
    except (ValueError, RecursionError):
        parsed = None
    if type(parsed) in (dict, list):
        yield from map(json.dumps, _altered_value(parsed, is_turned))
        return
    before, mark, query = text.rpartition("?")
    pairs = parse_qsl(query)
    for number, (name, value) in enumerate(pairs):
        for altered in _altered_value(value, is_turned):
            others = [*pairs[:number], (name, altered), *pairs[number + 1 :]]
            yield before + mark + urlencode(others[::-1] if is_turned else others)


def _altered_value(value: Any, is_turned: bool) -> Iterator[Any]:
    """Yields a value of JSON once for each single value in it, with the mark there; of texts also in what they hold."""
    if type(value) is dict:
        for name, inner in value.items():
            for altered in _altered_value(inner, is_turned):
                content = {**value, name: altered}
                yield dict(reversed(content.items())) if is_turned else content
    elif type(value) is list:
        for number, inner in enumerate(value):
            for altered in _altered_value(inner, is_turned):
                yield [*value[:number], altered, *value[number + 1 :]]
    elif type(value) is str:
        yield str(_FIRST_MARK)
        yield from _altered_text(value, is_turned)
    elif type(value) in (int, float):
        yield _FIRST_MARK


def _names_in(example: Any) -> list[str]:
    """Returns the names in an example, if it is such a text; of a form that is not known all its words."""
    if type(example) is not str:
        return []
    try:
        parsed = json.loads(example)
    except ValueError:
        names = [name for name, _ in parse_qsl(_query_in(example) or example)]
        return names or _WORD.findall(example)[:_MOST_NAMES]
    return list(parsed) if type(parsed) is dict else []


def _query_in(example: str) -> str:
    try:
        return urlsplit(example).query
    except ValueError:  # such as an unfinished IPv6 host
        return ""
