"""Reads events from JSON documents: one event over several lines, several events, or an array.

Such a file comes from a pretty-printer and is small, so it is read as a whole.
"""

from __future__ import annotations

import gzip
import json
import re
import zlib
from collections.abc import Iterator
from typing import BinaryIO

from .lines import LONGEST_LINE, Line, LineBlock, lines_of, read_blocks, too_long

LARGEST_DOCUMENT = 2**24
"""Bytes of a file that is read as a whole."""

_BOM = b"\xef\xbb\xbf"
_BETWEEN = re.compile(r"[\s,\[\]]*")
"""Separators between the events of a document: white space, commas and brackets."""


class _BufferedHead:
    """Buffers the beginning of a stream for inspection, and returns it before the rest."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._damage: Exception | None = None
        self.content = b""

    def grow(self) -> bool:
        """Reads another block into the buffer; False at the end of the stream."""
        try:
            more: bytes = self._stream.read1(2**18)  # type: ignore[attr-defined]
        except (OSError, EOFError, zlib.error, gzip.BadGzipFile) as error:
            self._damage = error
            return False
        self.content += more
        return bool(more)

    def read1(self, size: int) -> bytes:
        """Returns the buffer, then blocks of the stream, for a `LineReader`."""
        if self.content:
            held, self.content = self.content, b""
            return held
        if self._damage is not None:
            raise self._damage
        more: bytes = self._stream.read1(size)  # type: ignore[attr-defined]
        return more

    def line(self) -> bytes:
        """Returns the first line that is not blank, stripped; empty until its end is read."""
        line, end, _ = self.content.removeprefix(_BOM).lstrip().partition(b"\n")
        return line.strip() if end else b""


def read_events(stream: BinaryIO, source: str) -> Iterator[Line]:
    """Yields the lines of a log, or each event of a document as a line, numbered by the line where it begins.

    An invalid document is one `Line` with its problem, unless it continues as a log.
    """
    return lines_of(read_event_blocks(stream, source))


def read_event_blocks(stream: BinaryIO, source: str) -> Iterator[LineBlock]:
    """Yields what `read_events` yields, the lines of a log in blocks."""
    head = _BufferedHead(stream)
    while not (first := head.line()) and len(head.content) <= LONGEST_LINE and head.grow():
        pass
    if _begins_document(first or head.content.removeprefix(_BOM).strip()):
        while len(head.content) <= LARGEST_DOCUMENT and head.grow():
            pass
        events = list(_events(head.content, source))
        if not (events and events[0].problem and _goes_on_as_log(head.content)):
            yield from events
            return
    yield from read_blocks(head, source)  # type: ignore[arg-type]


def _begins_document(line: bytes) -> bool:
    """Tells whether a first line is the beginning of a pretty-printed document, or a whole array."""
    if line[:1] == b"[" and line.endswith(b"]"):
        try:
            json.loads(line)
        except (ValueError, RecursionError):
            return False
        return True
    return line[:1] in (b"{", b"[") and line.endswith((b"{", b"[", b","))


def _goes_on_as_log(content: bytes) -> bool:
    """Tells whether the second line is an event by itself, so that the first is one that was cut short."""
    _, *others = content[: 2 * LONGEST_LINE].strip().split(b"\n", 2)
    return bool(others) and b"{" in others[0] and others[0].rstrip().endswith(b"}")


def _events(content: bytes, source: str) -> Iterator[LineBlock]:
    """Yields each event of a document; after a syntax error, the rest is one problem."""
    if len(content) > LARGEST_DOCUMENT:
        problem = f"a JSON document of more than {LARGEST_DOCUMENT:,} bytes; give one event a line"
        yield LineBlock(source, 1, b"", 0, problem)
        return
    try:
        text = content.removeprefix(_BOM).decode()
    except UnicodeDecodeError:
        yield LineBlock(source, 1, b"", 0, "not valid JSON: it is not UTF-8 text")
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
            yield LineBlock(source, error.lineno, b"", 0, reason)
            return
        except (ValueError, RecursionError):
            yield LineBlock(source, number, b"", 0, "not valid JSON: nested too deep")
            return
        is_long = len(line) > LONGEST_LINE
        yield LineBlock(source, number, b"", 0, too_long()) if is_long else LineBlock.of_line(source, number, line)
        number += text.count("\n", here, at)


def _end_of_blanks(text: str, at: int) -> int:
    blanks = _BETWEEN.match(text, at)
    return blanks.end() if blanks else at
