"""Lines of tracking logs: from files, gzip files and standard input, with bounded memory."""

from __future__ import annotations

import gzip
import io
import sys
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, NamedTuple

LONGEST_LINE = 2**20
"""Bytes of a line that is read at all; the platform itself cuts events at 50,000 characters."""

_BOM = b"\xef\xbb\xbf"


class Line(NamedTuple):
    """One line: where it stands (from 1) and its bytes, or why there are none."""

    source: str
    number: int
    content: bytes
    problem: str = ""


def open_log(path: str) -> BinaryIO:
    """Open a log for reading: ``-`` is standard input; gzip is recognised by its first bytes, not by the name.

    Raises OSError.
    """
    if path == "-":
        raw: BinaryIO = sys.stdin.buffer
    else:
        raw = Path(path).open("rb")  # noqa: SIM115  # the caller closes it
    buffered = raw if isinstance(raw, io.BufferedReader) else io.BufferedReader(raw)  # type: ignore[type-var]
    if buffered.peek(2)[:2] == b"\x1f\x8b":
        return gzip.GzipFile(fileobj=buffered)  # type: ignore[return-value]
    return buffered


def read_lines(stream: BinaryIO, source: str, longest: int = LONGEST_LINE) -> Iterator[Line]:
    """All lines of a stream. One that is too long, or a stream that breaks off, is a `Line` with a problem."""
    number = 0
    try:
        while content := stream.readline(longest + 1):
            number += 1
            if number == 1:
                content = content.removeprefix(_BOM)
            if len(content) > longest and not content.endswith(b"\n"):
                while (rest := stream.readline(longest)) and not rest.endswith(b"\n"):
                    pass
                yield Line(source, number, b"", f"line is longer than {longest:,} bytes")
            else:
                yield Line(source, number, content)
    except (EOFError, OSError, zlib.error) as error:
        yield Line(source, number + 1, b"", f"the file breaks off or is damaged here ({type(error).__name__})")
