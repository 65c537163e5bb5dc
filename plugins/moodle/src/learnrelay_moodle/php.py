"""Reads values that PHP has serialized: texts, numbers, truth values and arrays, and no objects of classes.

Rows of Moodle up to 3.6, and of upgraded sites until they switch, hold their facts in this form. A part of the text was
typed by users, so nothing is made of it but plain values.
"""

from __future__ import annotations

import math
from typing import Any, NoReturn

LONGEST = 2**20
"""Bytes of a text that is read."""

_DEEPEST = 32


def read_serialized(text: str) -> Any:
    """Returns the value of a serialized text: arrays as objects, or as lists where their keys are 0, 1, 2, ...

    ``stdClass`` is an array too. Raises ValueError for everything else: other classes, references, damaged texts.

    >>> read_serialized('a:2:{s:6:"quizid";i:22;s:4:"tags";a:1:{i:0;d:0.5;}}'), read_serialized("N;")
    ({'quizid': 22, 'tags': [0.5]}, None)
    """
    content = text.encode("utf-8", "surrogatepass")
    if len(content) > LONGEST:
        _refuse()
    value, end = _value(content, 0, 0)
    if end != len(content):
        _refuse()
    return value


def _refuse() -> NoReturn:
    raise ValueError("not a serialized value")


def _value(content: bytes, start: int, depth: int) -> tuple[Any, int]:
    """Reads the value that begins at ``start``; returns it with the position after it."""
    kind = content[start : start + 2]
    if kind == b"N;":
        return None, start + 2
    if kind == b"s:":
        return _text(content, start + 2)
    if kind == b"a:":
        return _array(content, start + 2, depth)
    if kind == b"O:":
        name, end = _text(content, start + 2, b":")
        if name != "stdClass":
            _refuse()
        return _array(content, end, depth)
    written, end = _until(content, start + 2, b";")
    if kind == b"i:":
        return int(written), end
    if kind == b"b:" and written in (b"0", b"1"):
        return written == b"1", end
    if kind == b"d:" and math.isfinite(number := float(written)):
        return number, end
    _refuse()


def _until(content: bytes, start: int, mark: bytes) -> tuple[bytes, int]:
    end = content.find(mark, start, start + 64)
    if end < 0:
        _refuse()
    return content[start:end], end + len(mark)


def _text(content: bytes, start: int, mark: bytes = b";") -> tuple[str, int]:
    """Reads a text: its length in bytes, then itself between quotes, then ``mark``."""
    written, begin = _until(content, start, b':"')
    end = begin + int(written)
    if not begin <= end <= len(content) or content[end : end + 2] != b'"' + mark:
        _refuse()
    return content[begin:end].decode(), end + 2


def _array(content: bytes, start: int, depth: int) -> tuple[Any, int]:
    written, at = _until(content, start, b":{")
    if depth == _DEEPEST:
        _refuse()
    entries: dict[Any, Any] = {}
    for _ in range(int(written)):
        key, at = _value(content, at, depth + 1)
        if type(key) not in (int, str):
            _refuse()
        entries[key], at = _value(content, at, depth + 1)
    if content[at : at + 1] != b"}":
        _refuse()
    if entries and list(entries) == list(range(len(entries))):
        return list(entries.values()), at + 1
    return {str(key): value for key, value in entries.items()}, at + 1
