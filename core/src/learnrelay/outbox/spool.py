"""Keeps statements in files of this machine until a worker takes them into the outbox's database.

Each emitting process appends to a file of its own, a *segment*, under a lock that ends with the process. What a call
has appended is on the disk when it returns. A reader may follow a segment while it grows; only when nobody holds its
lock any more is it complete, and may be removed.
"""

from __future__ import annotations

import errno
import fcntl
import logging
import os
import secrets
import struct
import threading
import time
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import orjson

from .. import forks
from ..errors import OutboxError, OutboxFullError
from .intake import OutgoingStatement
from .store import utc

log = logging.getLogger("learnrelay.delivery")

SEGMENT_SIZE = 8 * 2**20
"""Bytes from which on a process begins its next segment."""

SEGMENT_AGE = 60.0
"""Seconds after which a process begins its next segment, so that the last one can be removed."""

_MEASURE_SHARE = 20  # one part in so many of the time goes into measuring the folder: it may hold many segments

_SUFFIX, _NEW, _DAMAGED = ".segment", ".new", ".damaged"
_HEAD = struct.Struct(">II")  # length of the content that follows, and its CRC-32

_sync = getattr(os, "fdatasync", os.fsync)


@dataclass(frozen=True, slots=True)
class SpoolRecord:
    """Holds what one call of emit() has stored: ``statements``; or how much was not stored, by reason: ``refused``."""

    statements: Sequence[OutgoingStatement] = ()
    refused: Mapping[str, int] = field(default_factory=dict)

    def encode(self) -> bytes:
        """Returns the record as bytes: a line of JSON, and the payloads after it."""
        rows = [
            [
                statement.standard, statement.statement_id, statement.event_name, len(statement.payload),
                statement.destinations, statement.critical,
                statement.event_time.timestamp() if statement.event_time else None,
            ]
            for statement in self.statements
        ]  # fmt: skip
        line = orjson.dumps({"statements": rows, "refused": self.refused})
        return b"\n".join([line, b"".join(statement.payload for statement in self.statements)])

    @classmethod
    def decode(cls, content: bytes) -> SpoolRecord:
        """Reads a record."""
        line, _, payloads = content.partition(b"\n")
        values, statements, at = orjson.loads(line), [], 0
        for standard, statement_id, event_name, length, destinations, critical, seconds in values["statements"]:
            payload, at = payloads[at : at + length], at + length
            event_time = None if seconds is None else utc(seconds)
            statements.append(
                OutgoingStatement(
                    standard, statement_id, event_name, payload, tuple(destinations), critical, event_time
                )
            )
        return cls(statements, values["refused"])


class Segment:
    """Reads a segment.

    ``is_complete``: its process has ended or has begun the next one, and no other reader is at it.
    """

    def __init__(self, path: Path, descriptor: int, *, is_complete: bool) -> None:
        self.path = path
        self.is_complete = is_complete
        self._descriptor = descriptor

    @property
    def is_removed(self) -> bool:
        """Tells whether another reader has removed the segment since it was opened."""
        return os.fstat(self._descriptor).st_nlink == 0

    def read(self, offset: int, most: int) -> list[tuple[SpoolRecord, int]]:
        """Reads the records from ``offset`` on, each with the offset of the next: ``most`` bytes, or one record."""
        content = os.pread(self._descriptor, most, offset)
        if len(content) == most and (length := _HEAD.size + _HEAD.unpack_from(content)[0]) > most:
            content = os.pread(self._descriptor, min(length, os.fstat(self._descriptor).st_size - offset), offset)
        records, at = [], 0
        while (record := _record_at(content, at)) is not None:
            at += _HEAD.size + len(record)
            records.append((SpoolRecord.decode(record), offset + at))
        return records

    def remove(self, offset: int) -> None:
        """Removes a complete segment of which everything up to ``offset`` was taken.

        What follows is the record that the process was writing when it was killed: its emit() has not returned. If it
        is anything else, the disk has failed, and the file is kept under another name.
        """
        rest = os.pread(self._descriptor, SEGMENT_SIZE, offset)
        length = _HEAD.size + _HEAD.unpack_from(rest)[0] if len(rest) >= _HEAD.size else len(rest)
        is_whole = len(rest) == length and any(rest[_HEAD.size :])  # then its emit() has returned
        if any(rest[length:]) or is_whole:
            log.error("spool: %s is damaged at byte %d; what follows is kept in a file %s", self.path, offset, _DAMAGED)
            self.path.rename(self.path.with_suffix(_DAMAGED))
            return
        if rest:
            log.warning("spool: %s: the last record is not whole, its process was killed while writing it", self.path)
        self.path.unlink()


def _record_at(content: bytes, at: int) -> bytes | None:
    if len(content) < at + _HEAD.size:
        return None
    length, checksum = _HEAD.unpack_from(content, at)
    record = content[at + _HEAD.size : at + _HEAD.size + length]
    return record if record and len(record) == length and zlib.crc32(record) == checksum else None


class Spool:
    """Appends to this process's segment in a folder of at most ``limit`` bytes. Threads may share it."""

    def __init__(self, folder: Path, limit: int) -> None:
        self.folder = folder
        self._limit = limit
        self._lock = threading.Lock()
        self._descriptor: int | None = None
        self._begun_at = 0.0
        self._written = 0
        self._measured = 0
        self._measure_at = 0.0
        forks.register(self, Spool.leave_to_parent)

    def append(self, record: SpoolRecord) -> None:
        """Stores a record durably. Raises OutboxFullError, or OutboxError; then it is not stored.

        The limit is for statements: a record of counts alone is small, and says that there was no room.
        """
        content = record.encode()
        content = _HEAD.pack(len(content), zlib.crc32(content)) + content
        with self._lock:
            room = self._limit - len(content)
            if record.statements and self._size() > room and self._measure() > room:
                raise OutboxFullError(f"spool {self.folder}: it holds {self._limit:,} bytes (delivery.spool_limit)")
            try:
                self._write(content)
            except OSError as error:
                self._undo_write(error)
                raise OutboxError(f"spool {self.folder}: {error.strerror or type(error).__name__}") from None

    def _write(self, content: bytes) -> None:
        is_old = self._written > SEGMENT_SIZE or time.monotonic() - self._begun_at > SEGMENT_AGE
        if self._descriptor is None or is_old:
            self._seal()
            self._descriptor = self._begin_segment()
            self._begun_at, self._written = time.monotonic(), 0
        rest = memoryview(content)
        while rest:
            rest = rest[os.write(self._descriptor, rest) :]
        _sync(self._descriptor)
        self._written += len(content)
        self._measured += len(content)

    def _undo_write(self, error: OSError) -> None:
        """Takes off what was written of a record. On a disk that fails, nothing may follow it."""
        if self._descriptor is None:
            return
        with suppress(OSError):
            os.ftruncate(self._descriptor, self._written)
            if error.errno != errno.EIO:
                return
        self._seal()

    def _begin_segment(self) -> int:
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        name = f"{time.time_ns():020}-{os.getpid()}-{secrets.token_hex(8)}"
        new = self.folder / (name + _NEW)
        descriptor = os.open(new, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_APPEND, 0o600)
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        new.rename(new.with_suffix(_SUFFIX))  # no reader may meet it without its lock
        folder = os.open(self.folder, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
        return descriptor

    def _seal(self) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)
        self._descriptor = None

    def close(self) -> None:
        """Completes the segment, so that a reader can remove it."""
        with self._lock:
            self._seal()

    def leave_to_parent(self) -> None:
        """Forgets the segment in a forked child: it is the parent's, and its lock must end with the parent."""
        self._lock = threading.Lock()
        self._seal()

    # --- readers ----------------------------------------------------------------------------------------

    def list_segments(self) -> list[Path]:
        """Lists the segments, oldest first. Raises OutboxError."""
        try:
            return sorted(path for path in self.folder.iterdir() if path.suffix == _SUFFIX)
        except FileNotFoundError:
            return []
        except OSError as error:
            raise OutboxError(f"spool {self.folder}: {error.strerror}") from None

    def count_damaged(self) -> int:
        """Returns the number of files that were set aside because they are damaged."""
        return len(list(self.folder.glob(f"*{_DAMAGED}")))

    def _size(self) -> int:
        """Returns the bytes of all segments as they were a short time ago, and what this process has added since."""
        return self._measure() if time.monotonic() >= self._measure_at else self._measured

    def _measure(self) -> int:
        """Returns the bytes of all segments as they are now."""
        begin = time.monotonic()
        self._measured = sum(map(size_of, self.list_segments()))
        self._measure_at = begin + _MEASURE_SHARE * (time.monotonic() - begin)
        return self._measured

    @contextmanager
    def open_segment(self, path: Path) -> Iterator[Segment | None]:
        """Opens a segment to read; None when it is gone. Raises OutboxError."""
        try:
            descriptor = os.open(path, os.O_RDONLY)
        except FileNotFoundError:
            yield None
            return
        except OSError as error:
            raise OutboxError(f"spool {path}: {error.strerror}") from None
        try:
            is_complete = False
            with suppress(BlockingIOError):
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                is_complete = True
            yield Segment(path, descriptor, is_complete=is_complete)
        finally:
            os.close(descriptor)

    def erase(self, name: str, length: int) -> None:
        """Overwrites the first bytes of a segment with zeros. Raises OutboxError."""
        path = self.folder / name
        try:
            with path.open("r+b", buffering=0) as file:
                rest = min(length, size_of(path))
                while rest > 0:
                    rest -= file.write(bytes(min(rest, SEGMENT_SIZE)))
                _sync(file.fileno())
        except FileNotFoundError:
            pass
        except OSError as error:
            raise OutboxError(f"spool {path}: {error.strerror}") from None

    def copy_to(self, target: Path) -> int:
        """Copies the segments, as far as they are written, to a new folder. Returns their number. Raises OSError."""
        number = 0
        for path in self.list_segments():
            with suppress(FileNotFoundError):  # taken in meanwhile
                content = path.read_bytes()
                target.mkdir(mode=0o700, exist_ok=True)
                copy = os.open(target / path.name, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
                with os.fdopen(copy, "wb") as file:
                    file.write(content)
                number += 1
        return number


def size_of(path: Path) -> int:
    """Returns the size of a file in bytes, 0 when it is gone."""
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0
