"""Lines of tracking logs: plain, gzip or zstd, from files and standard input, with bounded memory."""

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

from .errors import LearnrelayError

LONGEST_LINE = 2**20
"""Bytes of a line that is read at all; the platform itself cuts events at 50,000 characters."""

_BLOCK = 2**16
_ZSTD_PIECE = 2**11  # what one piece unpacks to is in memory at once
_BOM = b"\xef\xbb\xbf"
_MAGIC = {"gzip": re.compile(rb"\x1f\x8b"), "zstd": re.compile(rb"\x28\xb5\x2f\xfd|[\x50-\x5f]\x2a\x4d\x18")}
"""How packed content begins; the second of zstd (RFC 8878, 3.1.2) is a frame to be skipped, with which pzstd begins."""


class Line(NamedTuple):
    """One line: where it stands (from 1) and its bytes, or why there are none."""

    source: str
    number: int
    content: bytes
    problem: str = ""


class DamagedLogError(LearnrelayError):
    """A compressed log breaks off, or is not what it seems to be, from here on."""


def open_log(path: str) -> BinaryIO:
    """Open a log for reading: ``-`` is standard input.

    Raises OSError; LearnrelayError where what reads zstd is not installed.
    """
    if path == "-":
        return unpacked(sys.stdin.buffer)
    return unpacked(Path(path).open("rb"))


def unpacked(raw: BinaryIO) -> BinaryIO:
    """The content of a stream: gzip and zstd are recognised by the first bytes, not by a name."""
    buffered = raw if isinstance(raw, io.BufferedReader) else io.BufferedReader(raw, _BLOCK)  # type: ignore[type-var]
    packer = packer_of(buffered.peek(4))
    if packer == "gzip":
        return gzip.GzipFile(fileobj=buffered)  # type: ignore[return-value]
    if packer == "zstd":
        return io.BufferedReader(_Zstd(buffered), _BLOCK)
    return buffered


def packer_of(head: bytes) -> str:
    """What packed the content that begins so: ``gzip``, ``zstd``, or nothing."""
    return next((name for name, magic in _MAGIC.items() if magic.match(head)), "")


class _Zstd(io.RawIOBase):
    """Unpacks zstd frames, one after the other, and notices when the last one is cut short."""

    def __init__(self, packed: io.BufferedReader[Any]) -> None:
        try:
            zstandard = import_module("zstandard")
        except ImportError:
            raise LearnrelayError("a zstd log is read with: pip install 'learnrelay[zstd]'") from None
        self.fileobj = packed
        self._new_frame = zstandard.ZstdDecompressor(max_window_size=2**31).decompressobj  # as zstd --long=31 packs
        self._damage = zstandard.ZstdError
        self._frame: Any = None
        self._ready = b""
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
                self._ready = self._frame.decompress(piece)
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
    """The whole lines of a stream, block by block. ``position``: offset in the content of the next line."""

    def __init__(self, stream: BinaryIO, position: int = 0, longest: int = LONGEST_LINE) -> None:
        self.position = position
        self._read = stream.read1  # type: ignore[attr-defined]
        self._longest = longest
        self._held = b""  # read, not given yet; begins at `position`

    def blocks(self, end: int | None = None) -> Iterator[Iterable[bytes | None]]:
        """The lines that begin before ``end``, without their line ends; None for one that is too long.

        The last of them may reach past ``end``, where a later call goes on. Raises OSError, DamagedLogError.
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
                self.pass_over()
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
        """One after the other: a line that is done with leaves its place to the next, which costs half."""
        longest = self._longest
        start = 0
        while start < end:
            stop = held.find(b"\n", start)
            yield held[start:stop] if stop - start <= longest else None
            start = stop + 1

    def pass_over(self, end: int | None = None) -> None:
        """Go on behind the next line end, or stop at the first block that begins at ``end`` or later."""
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
    """The first line of a file without a byte order mark."""
    return line.removeprefix(_BOM) if line is not None else None


def too_long(longest: int = LONGEST_LINE) -> str:
    """Why a line is not read."""
    return f"line is longer than {longest:,} bytes"


def read_lines(stream: BinaryIO, source: str, longest: int = LONGEST_LINE) -> Iterator[Line]:
    """All lines of a stream. One that is too long, or a stream that breaks off, is a `Line` with a problem."""
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
