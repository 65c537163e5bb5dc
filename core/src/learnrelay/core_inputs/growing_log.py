"""Reads one log while it grows, and knows it again under another name, packed or copied."""

from __future__ import annotations

import gzip
import os
import stat
import time
import zlib
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from ..errors import GluedEventsError, LearnrelayError, UnreadableEventError
from ..events import parse_line
from ..reading.lines import packer_of, unpacked
from .line_splitter import Lines, LineSplitter

HEAD = 2048
"""Bytes at the beginning of a log by which it is known: some lines, which hold times to the microsecond."""

_BLOCK = 2**17
_QUIET = 1.0  # seconds after which a last line without a line end counts as written, if it is a whole object
_Digest = Callable[[bytes], str]


@dataclass(slots=True)
class LogPosition:
    """Holds how far a log was read: up to ``offset`` of its content.

    The log is known by device and inode, and by the keyed digest ``head`` of its first ``headed`` bytes. ``changed``:
    when it was last written, in nanoseconds since 1970. ``is_left``: another file has its name, or none. ``is_over``:
    unless it changes, there is nothing to read.
    """

    path: str
    device: int = 0
    inode: int = 0
    head: str = ""
    headed: int = 0
    offset: int = 0
    changed: int = 0
    is_left: bool = False
    is_over: bool = False

    @property
    def file(self) -> tuple[int, int]:
        """Returns what identifies the file."""
        return self.device, self.inode


class ShrunkError(LearnrelayError):
    """Reports that a log is not the one any more of which the first part was read."""


class GrowingLog:
    """Reads the complete lines of a log, plain or packed. Raises OSError where the file cannot be read."""

    def __init__(self, path: Path, position: LogPosition, digest: _Digest) -> None:
        """Opens the file at ``path``, to read it from ``position`` on."""
        self.position = position
        self._digest = digest
        self._descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)  # a pipe must not stop us; it is refused
        self._stream: BinaryIO | None = None
        self._lines = LineSplitter(position.offset)
        self._head = b""
        self.grew_at = time.monotonic()
        self.is_at_end = False
        try:
            about = os.fstat(self._descriptor)
            if not stat.S_ISREG(about.st_mode):
                raise OSError(0, "is a directory, pipe or device", str(path))
            self.is_packed = packer_of(os.pread(self._descriptor, 4, 0)) != ""
            position.path, position.device, position.inode = str(path.resolve()), about.st_dev, about.st_ino
            position.changed, position.is_over = about.st_mtime_ns, False
            self._note_head(self._read_head())
        except BaseException:
            self.close()
            raise

    def is_unchanged(self) -> bool:
        """Tells whether what was read of the file is still there."""
        is_long = self.is_packed or os.fstat(self._descriptor).st_size >= self.position.offset
        return is_long and self._read_head()[: len(self._head)] == self._head

    def read(self) -> Lines:
        """Returns the next lines; none when the log has not grown. Raises ShrunkError."""
        while True:
            content = self._read_on()
            self._check(len(content))
            self.is_at_end = not content
            if content:
                self.grew_at = time.monotonic()
                lines = self._lines.add(content)
            elif self.is_packed or self._ends_with_object():
                lines = self._lines.finish()
            else:
                return [], []
            self.position.offset = self._lines.offset
            if lines[0] or self.is_at_end:
                return lines

    def _check(self, size: int) -> None:
        """Checks that the last ``size`` bytes were read of the same log as those before. Raises ShrunkError."""
        about = os.fstat(self._descriptor)
        if not self.is_packed:
            head = self._read_head()
            if head[: len(self._head)] != self._head or about.st_size < self._lines.end + size:
                raise ShrunkError
            if len(self._head) < len(head):
                self._note_head(head)
        self.position.changed = about.st_mtime_ns

    def finish(self) -> Lines:
        """Returns a last line without a line end, of a log to which nobody writes any more."""
        lines = self._lines.finish()
        self.position.offset = self._lines.offset
        return lines

    def lag(self) -> int:
        """Returns the bytes that are still to be read; of a packed log 0."""
        return 0 if self.is_packed else max(0, os.fstat(self._descriptor).st_size - self.position.offset)

    def close(self) -> None:
        """Closes the file."""
        os.close(self._descriptor)

    def _read_on(self) -> bytes:
        if not self.is_packed:
            return os.pread(self._descriptor, _BLOCK, self._lines.end)
        try:
            if self._stream is None:
                self._stream = unpacked(os.fdopen(os.dup(self._descriptor), "rb"))
                _pass_over(self._stream, self._lines.offset)
            return self._stream.read1(_BLOCK)  # type: ignore[attr-defined, no-any-return]
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            raise OSError(0, f"breaks off or is damaged ({type(error).__name__})", self.position.path) from None

    def _read_head(self) -> bytes:
        return os.pread(self._descriptor, HEAD, 0) if not self.is_packed else read_head(Path(self.position.path))

    def _note_head(self, head: bytes) -> None:
        self._head = head
        self.position.head, self.position.headed = self._digest(head), len(head)

    def _ends_with_object(self) -> bool:
        """Tells whether a last line without a line end is a whole object, and has not grown for a while."""
        line = self._lines.unfinished_line()
        if not line.rstrip().endswith(b"}") or time.monotonic() - self.grew_at < _QUIET:
            return False
        with suppress(UnreadableEventError):
            try:
                return bool(parse_line(line))
            except GluedEventsError as error:
                return bool(parse_line(error.lines[-1]))
        return False


def read_head(path: Path) -> bytes:
    """Returns the first bytes of the content of a file, unpacked; empty where it cannot be read."""
    with suppress(OSError, EOFError, zlib.error, LearnrelayError):
        if stat.S_ISREG(path.stat().st_mode):
            with path.open("rb") as raw, unpacked(raw) as stream:
                return stream.read(HEAD)
    return b""


def _pass_over(stream: Any, size: int) -> None:
    while size > 0 and (passed := len(stream.read(min(size, _BLOCK)))):
        size -= passed
