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
from typing import Any, BinaryIO, NamedTuple, cast

from ..errors import LearnrelayError

LONGEST_LINE = 2**20
"""Maximum bytes of a line; a longer one is a problem."""

LARGEST_WINDOW = 2**27
"""Bytes of the window of a zstd frame, the limit of the zstd command: ``--long`` without a number, ``--ultra -22``."""

_BLOCK = 2**16
_ZSTD_PIECE = 2**9  # which may hold 16 MiB; the decompressed piece is in memory as a whole
_BOM = b"\xef\xbb\xbf"
_MAGIC = {"gzip": re.compile(rb"\x1f\x8b"), "zstd": re.compile(rb"\x28\xb5\x2f\xfd|[\x50-\x5f]\x2a\x4d\x18")}
"""First bytes of compressed content. zstd may begin with a skippable frame (RFC 8878, 3.1.2), as pzstd writes."""


class Line(NamedTuple):
    """Holds a line with its number (from 1), or the problem for which it has no content."""

    source: str
    number: int
    content: bytes
    problem: str = ""


class LineBlock(NamedTuple):
    """Holds whole lines of a source, or the problem for which it has none.

    end: bytes of ``content`` that are the lines, each with its end. number: that of the first line; 0 for the one after
    the block before.
    """

    source: str
    number: int
    content: bytes
    end: int
    problem: str = ""

    def lines(self, longest: int = LONGEST_LINE) -> Iterator[bytes | None]:
        """Yields the lines without their ends; None for one that is too long. A problem is a line without content."""
        return iter((b"",)) if self.problem else cut_lines(self.content, self.end, longest)

    @classmethod
    def of_line(cls, source: str, number: int, content: bytes) -> LineBlock:
        """Makes a block of one line without its end."""
        return cls(source, number, content + b"\n", len(content) + 1)


class DamagedLogError(LearnrelayError):
    """Reports that a compressed log is damaged or ends too early."""


def open_log(path: str) -> BinaryIO:
    """Opens a log for reading: ``-`` is standard input.

    Raises OSError, or LearnrelayError when the library for zstd is not installed.
    """
    if path == "-":
        return unpacked(sys.stdin.buffer)
    return unpacked(Path(path).open("rb"))


def stored_stream(stream: BinaryIO) -> BinaryIO:
    """Returns the stream of what is stored, whose position tells how far a log that `open_log` opened has been read."""
    raw = getattr(stream, "raw", None)
    packed = getattr(stream, "fileobj", None) or getattr(raw, "fileobj", None)
    return stream if packed is None else cast("BinaryIO", packed)


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


def cut_lines(content: bytes, end: int, longest: int) -> Iterator[bytes | None]:
    """Yields the lines up to ``end``, one by one, so that each can reuse the memory of the one before.

    That is twice as fast as a list.
    """
    start = 0
    while start < end:
        stop = content.find(b"\n", start)
        yield content[start:stop] if stop - start <= longest else None
        start = stop + 1


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
        for content, cut in self.pieces(end):
            yield [None] if content is None else cut_lines(content, cut, self._longest)

    def pieces(self, end: int | None = None) -> Iterator[tuple[bytes | None, int]]:
        """Yields what `blocks` yields, uncut: content that begins with whole lines, and how many bytes these have.

        No content stands for a line that is too long.
        """
        while end is None or self.position < end:
            held = self._held
            cut = 0 if end is None else held.find(b"\n", end - self.position - 1) + 1
            cut = cut or held.rfind(b"\n") + 1
            if cut:
                self._held = held[cut:]
                self.position += cut
                yield held, cut
            elif len(held) > self._longest:
                self.skip_line()
                yield None, 0
            elif more := self._more():
                self._held = held + more
            else:
                if held:
                    self._held = b""
                    self.position += len(held)
                    yield held + b"\n", len(held) + 1
                return

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


def first_lines(lines: Iterable[bytes | None]) -> Iterator[bytes | None]:
    """Yields the first lines of a file, the very first without a byte order mark."""
    rest = iter(lines)
    for line in rest:
        yield without_bom(line)
        yield from rest


def too_long(longest: int = LONGEST_LINE) -> str:
    """Returns the problem of a line that is too long."""
    return f"line is longer than {longest:,} bytes"


def read_blocks(stream: BinaryIO, source: str, longest: int = LONGEST_LINE) -> Iterator[LineBlock]:
    """Yields all lines of a stream in blocks. A line that is too long, or a damaged stream, is one with a problem."""
    number = 1  # of the first line; to count those of each block takes longer than to cut them
    try:
        for content, end in LineReader(stream, longest=longest).pieces():
            if content is None:
                yield LineBlock(source, number, b"", 0, too_long(longest))
            elif number and content.startswith(_BOM):
                yield LineBlock(source, number, content.removeprefix(_BOM), end - len(_BOM))
            else:
                yield LineBlock(source, number, content, end)
            number = 0
    except DamagedLogError as error:
        yield LineBlock(source, number, b"", 0, str(error))
    except OSError as error:
        yield LineBlock(source, number, b"", 0, f"the file cannot be read on from here ({type(error).__name__})")


def read_lines(stream: BinaryIO, source: str, longest: int = LONGEST_LINE) -> Iterator[Line]:
    """Yields all lines of a stream. A line that is too long, or a damaged stream, is a `Line` with a problem."""
    return lines_of(read_blocks(stream, source, longest), longest)


def lines_of(blocks: Iterable[LineBlock], longest: int = LONGEST_LINE) -> Iterator[Line]:
    """Yields the lines of blocks one by one."""
    number = 0
    for block in blocks:
        first = block.number or number + 1
        for number, content in enumerate(block.lines(longest), first):
            problem = block.problem or (too_long(longest) if content is None else "")
            yield Line(block.source, number, content or b"", problem)
