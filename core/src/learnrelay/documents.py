"""Files of events that are JSON documents rather than lines: one event over several lines, several, or an array.

Such a file was made by a pretty-printer, for people, and is small: it is read as a whole, which a log never is.
"""

from __future__ import annotations

import gzip
import json
import re
import zlib
from collections.abc import Iterator
from typing import BinaryIO

from .lines import LONGEST_LINE, Line, read_lines, too_long

LARGEST_DOCUMENT = 2**24
"""Bytes of a file that is read as a whole."""

_BOM = b"\xef\xbb\xbf"
_BETWEEN = re.compile(r"[\s,\[\]]*")
"""What stands between the events of a document: an array's signs, or nothing where they just follow one another."""


class _Head:
    """The beginning of a stream, read to see what it is, and handed on before the rest."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._damage: Exception | None = None
        self.content = b""

    def grow(self) -> bool:
        """Read on; False at the end of what can be read."""
        try:
            more: bytes = self._stream.read1(2**18)  # type: ignore[attr-defined]
        except (OSError, EOFError, zlib.error, gzip.BadGzipFile) as error:
            self._damage = error
            return False
        self.content += more
        return bool(more)

    def read1(self, size: int) -> bytes:
        """What a `LineReader` asks of a stream."""
        if self.content:
            held, self.content = self.content, b""
            return held
        if self._damage is not None:
            raise self._damage
        more: bytes = self._stream.read1(size)  # type: ignore[attr-defined]
        return more

    def line(self) -> bytes:
        """The first line that is not blank, without blanks around it; empty as long as its end is not read."""
        line, end, _ = self.content.removeprefix(_BOM).lstrip().partition(b"\n")
        return line.strip() if end else b""


def read_events(stream: BinaryIO, source: str) -> Iterator[Line]:
    """The lines of a log; of a document each event as a line, with the number of the line where it begins.

    What begins as a document and is none is one `Line` with what is wrong, unless it goes on as a log does.
    """
    head = _Head(stream)
    while not (first := head.line()) and len(head.content) <= LONGEST_LINE and head.grow():
        pass
    if _begins_document(first or head.content.removeprefix(_BOM).strip()):
        while len(head.content) <= LARGEST_DOCUMENT and head.grow():
            pass
        events = list(_events(head.content, source))
        if not (events and events[0].problem and _goes_on_as_log(head.content)):
            yield from events
            return
    yield from read_lines(head, source)  # type: ignore[arg-type]


def _begins_document(line: bytes) -> bool:
    """Whether a first line is what a pretty-printer begins with, or an array as a whole."""
    if line[:1] == b"[" and line.endswith(b"]"):
        try:
            json.loads(line)
        except (ValueError, RecursionError):
            return False
        return True
    return line[:1] in (b"{", b"[") and line.endswith((b"{", b"[", b","))


def _goes_on_as_log(content: bytes) -> bool:
    """Whether the second line is an event by itself: then the first is one that was cut short."""
    _, *others = content[: 2 * LONGEST_LINE].strip().split(b"\n", 2)
    return bool(others) and b"{" in others[0] and others[0].rstrip().endswith(b"}")


def _events(content: bytes, source: str) -> Iterator[Line]:
    """Each event of a document; from where it cannot be read on, the rest is one problem."""
    if len(content) > LARGEST_DOCUMENT:
        yield Line(source, 1, b"", f"a JSON document of more than {LARGEST_DOCUMENT:,} bytes; give one event a line")
        return
    try:
        text = content.removeprefix(_BOM).decode()
    except UnicodeDecodeError:
        yield Line(source, 1, b"", "not valid JSON: it is not UTF-8 text")
        return
    read = json.JSONDecoder().raw_decode
    at, number = 0, 1
    while True:
        here = _end_of_blanks(text, at)
        number += text.count("\n", at, here)
        if here == len(text):
            return
        try:
            event, at = read(text, here)
            line = json.dumps(event).encode()
        except json.JSONDecodeError as error:
            reason = f"neither one event a line nor a whole JSON document: {error.msg.removesuffix(' starting at')}"
            yield Line(source, error.lineno, b"", reason)
            return
        except (ValueError, RecursionError):
            yield Line(source, number, b"", "not valid JSON: nested too deep")
            return
        long = len(line) > LONGEST_LINE
        yield Line(source, number, b"" if long else line, too_long() if long else "")
        number += text.count("\n", here, at)


def _end_of_blanks(text: str, at: int) -> int:
    found = _BETWEEN.match(text, at)
    return found.end() if found else at
