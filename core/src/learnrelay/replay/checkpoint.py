"""Stores the finished chunks of a replay, or of one shard of it, in an SQLite file.

A chunk's row is written, with fsync, after all its statements are stored. It also holds the chunk's counts and
failures, so that a replay that was killed ten times has the same summary as one that was not.
"""

from __future__ import annotations

import fcntl
import secrets
import sqlite3
import time
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from heapq import merge
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import IO, Any, Self

import orjson

from ..errors import LearnrelayError, ReplayError
from ..pipeline.outcome_counts import OutcomeCounts
from ..private_files import create_private_folder, open_private
from .log_files import LogFile, describe_log, has_head, is_same_content, open_raw
from .spec import AlreadyRunningError

STATE_DIRECTORY = "learnrelay-replay"
"""Name of the state folder, beside the operator's file, unless the operator sets another one."""

_PIECE = 2**16  # bytes of failures that are unpacked at once
_TABLES = (
    "CREATE TABLE IF NOT EXISTS run (token TEXT NOT NULL)",
    """CREATE TABLE IF NOT EXISTS file (
        id INTEGER PRIMARY KEY, name TEXT NOT NULL, path TEXT NOT NULL, head TEXT NOT NULL, headed INTEGER NOT NULL,
        UNIQUE (path, head))""",
    """CREATE TABLE IF NOT EXISTS chunk (
        file INTEGER NOT NULL, number INTEGER NOT NULL, at_end INTEGER NOT NULL, size INTEGER NOT NULL,
        lines INTEGER NOT NULL, counted TEXT NOT NULL, failures BLOB NOT NULL,
        PRIMARY KEY (file, number)) WITHOUT ROWID""",
    """CREATE TABLE IF NOT EXISTS ending (
        attempt TEXT NOT NULL, code INTEGER NOT NULL, error TEXT NOT NULL, unread TEXT NOT NULL)""",
)
_LOCK_TIMEOUT = 1.0  # seconds: `is_running` holds the lock for a moment
_WRITE_TIMEOUT = 60.0  # seconds that a writer waits while others read, on shared storage perhaps


@dataclass(slots=True)
class ChunkResult:
    """Holds counts and failures of one chunk. ``failures``: as `FailureRecords` packs them.

    ``at_end``: the log ended in this chunk. ``delivered``: destination → fate → statements.
    """

    file: int
    number: int
    at_end: bool = False
    lines: int = 0
    tally: dict[str, Any] = field(default_factory=dict)
    delivered: dict[str, dict[str, int]] = field(default_factory=dict)
    failures: bytes = b""


class FailureRecords:
    """Packs the failure records of a chunk one by one: there may be millions.

    ``line`` counts from 1 at the chunk's first line.
    """

    def __init__(self) -> None:
        self.number = 0
        self._packer = zlib.compressobj(1)
        self._packed: list[bytes] = []

    def add(self, record: dict[str, Any]) -> None:
        """Adds a record."""
        self.number += 1
        if more := self._packer.compress(orjson.dumps(record, option=orjson.OPT_APPEND_NEWLINE)):
            self._packed.append(more)

    def packed(self) -> bytes:
        """Returns all packed records; empty bytes where nothing failed."""
        return b"".join([*self._packed, self._packer.flush()]) if self.number else b""


def _unpacked(failures: bytes) -> Iterator[dict[str, Any]]:
    unpacker = zlib.decompressobj()
    rest = b""
    while failures:
        *records, rest = (rest + unpacker.decompress(failures, _PIECE)).split(b"\n")
        yield from map(orjson.loads, records)
        failures = unpacker.unconsumed_tail
    yield from map(orjson.loads, (rest + unpacker.flush()).splitlines())


@dataclass(frozen=True, slots=True)
class LogProgress:
    """Holds the finished chunks of a log, and whether the chunk in which the log ends is among them.

    ``shrunk``: the log is shorter than the part that was read before.
    """

    chunks: frozenset[int]
    ended: bool
    shrunk: bool


@dataclass(slots=True)
class ReplayTotals:
    """Sums the counts of all chunks. ``delivered``: destination → fate → statements."""

    tally: OutcomeCounts
    delivered: dict[str, dict[str, int]] = field(default_factory=dict)

    @classmethod
    def of(cls, checkpoints: Sequence[Checkpoint], log_files: Sequence[LogFile], standards: Sequence[str]) -> Self:
        """Returns the sum over these logs in these checkpoints. Raises ReplayError."""
        totals = cls(OutcomeCounts.of(list(standards)))
        for checkpoint in checkpoints:
            with checkpoint.transaction():
                for log_file in log_files:
                    for tally, delivered in checkpoint.chunk_counts(log_file):
                        totals.add(tally, delivered)
        return totals

    @property
    def failures(self) -> int:
        """Returns the number of lines that failed and statements that did not arrive."""
        missing = ("dead letters", "left to the outbox")
        return self.tally.failures + sum(fates.get(fate, 0) for fates in self.delivered.values() for fate in missing)

    def add(self, tally: Mapping[str, Any], delivered: Mapping[str, Mapping[str, int]]) -> None:
        """Adds the counts of a chunk; ``tally`` is the JSON form of an `OutcomeCounts`."""
        self.tally.lines += tally["read"]
        self.tally.unreadable.update(tally["unreadable"])
        self.tally.unknown_courses += tally["unknown_courses"]
        self.tally.unmapped.update(tally["unmapped"])
        for name, counts in tally["standards"].items():
            standard = self.tally.standards[name]
            standard.transformed += counts["transformed"]
            standard.statements += counts["statements"]
            standard.not_mapped += counts["not_mapped"]
            standard.skipped.update(counts["skipped"])
            standard.failed.update(counts["failed"])
            standard.denied.update(counts["denied"])
            standard.not_added.update(counts.get("not_added", {}))  # absent in checkpoints of earlier versions
        for name, fates in delivered.items():
            fates_so_far = self.delivered.setdefault(name, {})
            for fate, number in fates.items():
                fates_so_far[fate] = fates_so_far.get(fate, 0) + number


@dataclass(frozen=True, slots=True)
class ShardEnding:
    """Describes how a worker's last run of a shard ended: exit code, error or "", and unread logs.

    ``attempt``: token of the command that requested the run.
    """

    attempt: str
    code: int
    error: str
    unread: list[str]


def take_lock(directory: Path, name: str) -> IO[bytes]:
    """Locks a replay, or shard, for this process until the returned file is closed.

    Raises AlreadyRunningError; ReplayError where the lock cannot be stored.
    """
    path = _lock_path(directory, name)
    deadline = time.monotonic() + _LOCK_TIMEOUT
    try:
        create_private_folder(directory)
        file = open_private(path, "ab")
        while not _try_lock(file, fcntl.LOCK_EX):
            if time.monotonic() > deadline:
                file.close()
                raise AlreadyRunningError(f"{path}: the same replay is running already")
            time.sleep(_LOCK_TIMEOUT / 20)
    except OSError as error:
        raise ReplayError(f"{path}: {error.strerror or type(error).__name__}") from None
    return file


def is_running(directory: Path, name: str) -> bool:
    """Tells whether a process works on the replay, or shard, with this checkpoint."""
    try:
        with _lock_path(directory, name).open("rb") as file:
            return not _try_lock(file, fcntl.LOCK_SH)
    except FileNotFoundError:
        return False


def _try_lock(file: IO[bytes], kind: int) -> bool:
    try:
        fcntl.flock(file, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _lock_path(directory: Path, name: str) -> Path:
    return directory / f"{name}.lock"


class Checkpoint:
    """Stores the state of one replay, or one shard. ``token``: its part of the names of output files."""

    def __init__(self, directory: Path, name: str, exclusive: bool = True) -> None:
        """Opens or creates the file. ``exclusive``: to work on it, not only to read it.

        Raises ReplayError when the state cannot be stored; AlreadyRunningError when another process works on it.
        """
        path = directory / f"{name}.db"
        self._lock = take_lock(directory, name) if exclusive else None
        try:
            open_private(path, "ab").close()
        except OSError as error:
            raise ReplayError(f"{path}: {error.strerror or type(error).__name__}") from None
        try:
            self._db = sqlite3.connect(path, isolation_level=None, timeout=_WRITE_TIMEOUT)
            self._db.execute("PRAGMA synchronous = FULL")
            self._db.execute("BEGIN IMMEDIATE")
            for table in _TABLES:
                self._db.execute(table)
            if not (row := self._db.execute("SELECT token FROM run").fetchone()):
                row = (secrets.token_hex(3),)
                self._db.execute("INSERT INTO run VALUES (?)", row)
            self.token: str = row[0]
            self._db.execute("COMMIT")
        except sqlite3.Error as error:
            raise ReplayError(f"{path}: the state cannot be stored there ({error.sqlite_errorname})") from None

    def close(self) -> None:
        """Closes the file and lets another process work on it."""
        self._db.close()
        if self._lock is not None:
            self._lock.close()

    def forget(self) -> None:
        """Deletes all chunks. New output files get other names."""
        self.token = secrets.token_hex(3)
        with self.transaction():
            for statement in ("DELETE FROM file", "DELETE FROM chunk", "DELETE FROM run", "DELETE FROM ending"):
                self._db.execute(statement)
            self._db.execute("INSERT INTO run VALUES (?)", (self.token,))

    def file(self, log_file: LogFile) -> int:
        """Returns the number of a log, which stays when the log grows or gets another name.

        Raises ReplayError.
        """
        with self.transaction():
            return self._file(log_file)

    def files(self, log_files: Sequence[LogFile]) -> dict[int, LogFile]:
        """Returns the logs by their numbers. Raises ReplayError."""
        with self.transaction("IMMEDIATE"):
            return {self._file(log_file): log_file for log_file in log_files}

    @contextmanager
    def transaction(self, kind: str = "DEFERRED") -> Iterator[None]:
        """Opens a transaction; a nested one joins it. Raises ReplayError."""
        with _database_errors():
            if self._db.in_transaction:
                yield
                return
            with self._db:
                self._db.execute(f"BEGIN {kind}")
                yield

    def _file(self, log_file: LogFile) -> int:
        known = self._db.execute("SELECT id, head, headed FROM file WHERE path = ?", (log_file.path,)).fetchall()
        for number, head, headed in known:
            if (head, headed) == (log_file.head, log_file.headed):
                return int(number)
        for number, head, headed in known:
            if 0 < headed < log_file.headed and _has_head(log_file.path, headed, head, log_file.key):
                self._db.execute(
                    "UPDATE file SET head = ?, headed = ? WHERE id = ?", (log_file.head, log_file.headed, number)
                )
                return int(number)
        alike = self._db.execute(
            "SELECT id, path, head, headed FROM file WHERE path != ? AND headed > 0 AND (headed < ? OR head = ?)",
            (log_file.path, log_file.headed, log_file.head),
        ).fetchall()
        for number, path, head, headed in alike:
            if _has_head(log_file.path, headed, head, log_file.key) and (
                not _has_head(path, headed, head, log_file.key) or _is_copy(path, log_file)
            ):
                self._moved(int(number), log_file)
                return int(number)
        row = (log_file.name, log_file.path, log_file.head, log_file.headed)
        return int(
            self._db.execute("INSERT INTO file (name, path, head, headed) VALUES (?, ?, ?, ?)", row).lastrowid or 0
        )

    def _moved(self, number: int, log_file: LogFile) -> None:
        row = (log_file.path, log_file.head, log_file.headed, number)
        self._db.execute("UPDATE file SET path = ?, head = ?, headed = ? WHERE id = ?", row)
        # Packed meanwhile, it is smaller than before; where it ends is read again.
        self._db.execute("UPDATE chunk SET size = 0 WHERE file = ? AND size > ?", (number, log_file.size))

    def name(self, log_file: LogFile) -> str:
        """Returns the first name of a log, which is part of the names of its output files."""
        row = self._db.execute("SELECT name FROM file WHERE id = ?", (self.file(log_file),)).fetchone()
        return str(row[0])

    def is_replaced(self, log_file: LogFile) -> bool:
        """Tells whether another log had this name before, and no chunk of this one is finished."""
        headed_files = self._db.execute(
            "SELECT count(*) FROM file WHERE path = ? AND id != ? AND headed > 0", (log_file.path, self.file(log_file))
        )
        return bool(headed_files.fetchone()[0]) and not self.progress(log_file).chunks

    def progress(self, log_file: LogFile) -> LogProgress:
        """Returns the finished chunks, without the chunk in which the log ended when it was shorter."""
        rows = self._db.execute(
            "SELECT number, at_end, size FROM chunk WHERE file = ?", (self.file(log_file),)
        ).fetchall()
        done = {number: at_end for number, at_end, size in rows if not at_end or size == log_file.size}
        shrunk = any(size > log_file.size for _, _, size in rows)
        return LogProgress(frozenset(done), any(done.values()), shrunk)

    def finish(self, log_file: LogFile, result: ChunkResult) -> None:
        """Stores a finished chunk. Raises ReplayError; then the chunk is not finished."""
        counted = orjson.dumps([result.tally, result.delivered]).decode()
        with _database_errors():
            self._db.execute(
                "INSERT OR REPLACE INTO chunk VALUES (?, ?, ?, ?, ?, ?, ?)",
                (result.file, result.number, result.at_end, log_file.size, result.lines, counted, result.failures),
            )

    def store_ending(self, ending: ShardEnding) -> None:
        """Stores how a worker's run of this shard ended. Raises ReplayError."""
        row = (ending.attempt, ending.code, ending.error, orjson.dumps(ending.unread).decode())
        with self.transaction():
            self._db.execute("DELETE FROM ending")
            self._db.execute("INSERT INTO ending VALUES (?, ?, ?, ?)", row)

    def ending(self, attempt: str) -> ShardEnding | None:
        """Returns how the run that ``attempt`` requested ended; None while it has not. Raises ReplayError."""
        with _database_errors():
            row = self._db.execute("SELECT * FROM ending WHERE attempt = ?", (attempt,)).fetchone()
        return ShardEnding(row[0], row[1], row[2], orjson.loads(row[3])) if row else None

    def chunk_counts(self, log_file: LogFile) -> Iterator[Any]:
        """Yields the counts of the log's finished chunks as pairs of tally and delivered."""
        rows = self._db.execute("SELECT counted FROM chunk WHERE file = ?", (self.file(log_file),))
        return (orjson.loads(counted) for (counted,) in rows)

    def chunk_failures(self, log_file: LogFile) -> Iterator[tuple[int, int, bytes]]:
        """Yields number, lines and packed failures of the log's finished chunks, in their order."""
        query = "SELECT number, lines, failures FROM chunk WHERE file = ? ORDER BY number"
        return self._db.execute(query, (self.file(log_file),))

    def __enter__(self) -> Self:
        """Returns the checkpoint."""
        return self

    def __exit__(self, *error: object) -> None:
        """Closes the checkpoint."""
        self.close()


def failure_records(checkpoints: Sequence[Checkpoint], log_files: Sequence[LogFile]) -> Iterator[dict[str, Any]]:
    """Yields a record for each failed line, in the order of the logs; ``line`` counts from the log's first line.

    Where chunks before it are not finished, or belong to a shard that is not among ``checkpoints``, the line's number
    is not known: it is None, and ``line_of_chunk`` counts from the first line of ``chunk``.
    """
    for log_file in log_files:
        before: int | None = 0
        expected = 0
        rows = merge(*(checkpoint.chunk_failures(log_file) for checkpoint in checkpoints), key=itemgetter(0))
        for number, same in groupby(rows, key=itemgetter(0)):
            # A shard may have noted, without lines, that the log ends in a chunk of another shard.
            _, lines, failures = max(same, key=itemgetter(1))
            before = before if number == expected else None
            expected = number + 1
            for record in _unpacked(failures):
                line = record.pop("line")
                if before is None:
                    yield {"file": log_file.path, "line": None, "chunk": number, "line_of_chunk": line, **record}
                else:
                    yield {"file": log_file.path, "line": before + line, **record}
            before = None if before is None else before + lines


@contextmanager
def _database_errors() -> Iterator[None]:
    """Turns errors of the database into ReplayError."""
    try:
        yield
    except sqlite3.Error as error:
        raise ReplayError(f"the state cannot be stored any more ({error.sqlite_errorname})") from None


def _is_copy(path: str, log_file: LogFile) -> bool:
    """Tells whether the log at this path has the same content."""
    try:
        return is_same_content(describe_log(path, log_file.key), log_file)
    except LearnrelayError:
        return False


def _has_head(path: str, length: int, head: str, key: str) -> bool:
    """Tells whether the first ``length`` bytes of the log at this path have the digest ``head`` by ``key``."""
    try:
        with open_raw(path) as raw:
            return has_head(raw, length, head, key)
    except (LearnrelayError, OSError):
        return False
