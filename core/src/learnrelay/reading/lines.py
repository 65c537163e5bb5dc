"""Reads lines of tracking logs, plain, gzip or zstd, from files and standard input, with bounded memory."""

from __future__ import annotations

import gzip
import io
import re
import sys
import zlib
from collections.abc import Iterable, Iterator
from importlib import import_module
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

from ..errors import LearnrelayError

LONGEST_LINE = 2**20
"""Maximum bytes of a line; a longer one is a problem."""

LARGEST_WINDOW = 2**27
"""Bytes of the window of a zstd frame, the limit of the zstd command: ``--long`` without a number, ``--ultra -22``."""

_BLOCK = 2**16
_ZSTD_PIECE = 2**11  # the decompressed piece is in memory as a whole
_BOM = b"\xef\xbb\xbf"
_MAGIC = {"gzip": re.compile(rb"\x1f\x8b"), "zstd": re.compile(rb"\x28\xb5\x2f\xfd|[\x50-\x5f]\x2a\x4d\x18")}
"""First bytes of compressed content. zstd may begin with a skippable frame (RFC 8878, 3.1.2), as pzstd writes."""


class Line(NamedTuple):
    """Holds a line with its number (from 1), or the problem for which it has no content."""

    source: str
    number: int
    content: bytes
    problem: str = ""


class DamagedLogError(LearnrelayError):
    """Reports that a compressed log is damaged or ends too early."""


def open_log(path: str) -> BinaryIO:
    """Opens a log for reading: ``-`` is standard input.

    Raises OSError, or LearnrelayError when the library for zstd is not installed.
    """
    if path == "-":
        return unpacked(sys.stdin.buffer)
    return unpacked(Path(path).open("rb"))


def unpacked(raw: BinaryIO) -> BinaryIO:
    """Decompresses a stream: gzip and zstd are recognized by the first bytes, not by a name."""
    buffered = raw if isinstance(raw, io.BufferedReader) else io.BufferedReader(raw, _BLOCK)  # type: ignore[type-var]
    packer = packer_of(buffered.peek(4))
    if packer == "gzip":
        return gzip.GzipFile(fileobj=buffered)  # type: ignore[return-value]
    if packer == "zstd":
        return io.BufferedReader(_Zstd(buffered), _BLOCK)
    return buffered


def packer_of(head: bytes) -> str:
    """Names the compression of content by its first bytes: ``gzip``, ``zstd``, or empty."""
    return next((name for name, magic in _MAGIC.items() if magic.match(head)), "")


class _Zstd(io.RawIOBase):
    """Decompresses zstd frames one after the other, and detects a last one that is cut short."""

    def __init__(self, packed: io.BufferedReader[Any]) -> None:
        try:
            zstandard = import_module("zstandard")
        except ImportError:
            raise LearnrelayError("a zstd log is read with: pip install 'learnrelay[zstd]'") from None
        self.fileobj = packed
        self._new_frame = zstandard.ZstdDecompressor(max_window_size=LARGEST_WINDOW).decompressobj
        self._damage = zstandard.ZstdError
        self._frame: Any = None
        self._ready = memoryview(b"")
        self._left = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while not self._ready:
            piece = self._left or self.fileobj.read(_ZSTD_PIECE)
            if not piece:
                if self._frame is not None:
                    raise EOFError
                return 0
            if self._frame is None:
                self._frame = self._new_frame()
            try:
                self._ready = memoryview(self._frame.decompress(piece))
            except self._damage:
                raise zlib.error from None
            self._left = self._frame.unused_data
            if self._frame.eof:
                self._frame = None
        size = min(len(self._ready), len(buffer))
        buffer[:size] = self._ready[:size]
        self._ready = self._ready[size:]
        return size

    def close(self) -> None:
        self.fileobj.close()
        super().close()


class LineReader:
    """Reads whole lines of a stream, block by block. ``position``: offset of the next line in the content."""

    def __init__(self, stream: BinaryIO, position: int = 0, longest: int = LONGEST_LINE) -> None:
        self.position = position
        self._read = stream.read1  # type: ignore[attr-defined]
        self._longest = longest
        self._held = b""  # read, but not returned yet; begins at `position`

    def blocks(self, end: int | None = None) -> Iterator[Iterable[bytes | None]]:
        """Yields the lines that begin before ``end``, without line ends; None for a line that is too long.

        The last line may reach past ``end``; a later call continues after it. Raises OSError, DamagedLogError.
        """
        while end is None or self.position < end:
            held = self._held
            cut = 0 if end is None else held.find(b"\n", end - self.position - 1) + 1
            cut = cut or held.rfind(b"\n") + 1
            if cut:
                self._held = held[cut:]
                self.position += cut
                yield self._lines(held, cut)
            elif len(held) > self._longest:
                self.skip_line()
                yield [None]
            elif more := self._more():
                self._held = held + more
            else:
                if held:
                    self._held = b""
                    self.position += len(held)
                    yield [held]
                return

    def _lines(self, held: bytes, end: int) -> Iterator[bytes | None]:
        """Yields lines one by one, so that each can reuse the memory of the one before: twice as fast as a list."""
        longest = self._longest
        start = 0
        while start < end:
            stop = held.find(b"\n", start)
            yield held[start:stop] if stop - start <= longest else None
            start = stop + 1

    def skip_line(self, end: int | None = None) -> None:
        """Skips to the next line, or stops at the first block that begins at ``end`` or later."""
        while (cut := self._held.find(b"\n") + 1) == 0:
            self.position += len(self._held)
            self._held = b"" if end is not None and self.position >= end else self._more()
            if not self._held:
                return
        self._held = self._held[cut:]
        self.position += cut

    def _more(self) -> bytes:
        try:
            return self._read(_BLOCK)  # type: ignore[no-any-return]
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            raise DamagedLogError(f"the file breaks off or is damaged here ({type(error).__name__})") from None


def without_bom(line: bytes | None) -> bytes | None:
    """Removes a byte order mark from the first line of a file."""
    return line.removeprefix(_BOM) if line is not None else None


def too_long(longest: int = LONGEST_LINE) -> str:
    """Returns the problem of a line that is too long."""
    return f"line is longer than {longest:,} bytes"


def read_lines(stream: BinaryIO, source: str, longest: int = LONGEST_LINE) -> Iterator[Line]:
    """Yields all lines of a stream. A line that is too long, or a damaged stream, is a `Line` with a problem."""
    number = 0
    try:
        for block in LineReader(stream, longest=longest).blocks():
            for content in block:
                number += 1
                if number == 1:
                    content = without_bom(content)  # noqa: PLW2901
                yield Line(source, number, content or b"", too_long(longest) if content is None else "")
    except DamagedLogError as error:
        yield Line(source, number + 1, b"", str(error))
    except OSError as error:
        yield Line(source, number + 1, b"", f"the file cannot be read on from here ({type(error).__name__})")
