"""What is done of a replay: one SQLite file for each thing asked, which also keeps two replays of it apart.

A chunk's row is written, with fsync, after all that came of the chunk is where it should be. It also holds what
was counted and what failed, so that a replay which was killed ten times sums up as one that was not.
"""

from __future__ import annotations

import secrets
import sqlite3
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import orjson

from ..errors import LearnrelayError
from ..tally import Tally
from .asked import ReplayError
from .sources import Source, begins_with, look_at, open_raw, same_content

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
)


@dataclass(slots=True)
class Done:
    """What came of a chunk. ``failures`` as `Failures` packs them.

    ``at_end``: the log ended in this chunk. ``delivered``: destination → what became of how many statements.
    """

    file: int
    number: int
    at_end: bool = False
    lines: int = 0
    tally: dict[str, Any] = field(default_factory=dict)
    delivered: dict[str, dict[str, int]] = field(default_factory=dict)
    failures: bytes = b""


class Failures:
    """A record for each failure of a chunk, packed as they come: there may be millions.

    ``line`` counts from 1 at the chunk's first line.
    """

    def __init__(self) -> None:
        self.number = 0
        self._packer = zlib.compressobj(1)
        self._packed: list[bytes] = []

    def add(self, record: dict[str, Any]) -> None:
        """Keep a record."""
        self.number += 1
        if more := self._packer.compress(orjson.dumps(record, option=orjson.OPT_APPEND_NEWLINE)):
            self._packed.append(more)

    def packed(self) -> bytes:
        """All of them; empty where nothing failed."""
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
class Progress:
    """How far a log is: the chunks that are done, and whether the one in which it ends is among them.

    ``shrunk``: more was read of it before than there is now.
    """

    chunks: frozenset[int]
    ended: bool
    shrunk: bool

    @property
    def complete(self) -> bool:
        """Are all chunks done?"""
        return self.ended and len(self.chunks) == max(self.chunks) + 1


@dataclass(slots=True)
class Totals:
    """The sum of all chunks. ``delivered``: destination → what became of how many statements."""

    tally: Tally
    delivered: dict[str, dict[str, int]] = field(default_factory=dict)

    @property
    def failures(self) -> int:
        """Lines that failed, and statements that did not arrive."""
        missing = ("dead letters", "left to the outbox")
        return self.tally.failures + sum(counts.get(what, 0) for counts in self.delivered.values() for what in missing)

    def add(self, tally: Mapping[str, Any], delivered: Mapping[str, Mapping[str, int]]) -> None:
        """Count a chunk's counts (the JSON form of a `Tally`)."""
        self.tally.lines += tally["read"]
        self.tally.unreadable.update(tally["unreadable"])
        self.tally.unknown_courses += tally["unknown_courses"]
        for name, told in tally["standards"].items():
            standard = self.tally.standards[name]
            standard.transformed += told["transformed"]
            standard.statements += told["statements"]
            standard.not_mapped += told["not_mapped"]
            standard.skipped.update(told["skipped"])
            standard.failed.update(told["failed"])
            standard.denied.update(told["denied"])
        for name, counts in delivered.items():
            of_destination = self.delivered.setdefault(name, {})
            for what, number in counts.items():
                of_destination[what] = of_destination.get(what, 0) + number


class Checkpoint:
    """The state of one replay. ``token`` names it in the names of its output files. For one process at a time."""

    def __init__(self, directory: Path, key: str) -> None:
        """Open or begin. Raises ReplayError when the state cannot be kept, or another process is at it."""
        path = directory / f"{key}.db"
        try:
            directory.mkdir(parents=True, exist_ok=True)
            self._db = sqlite3.connect(path, isolation_level=None, timeout=1.0)
            self._db.execute("PRAGMA locking_mode = EXCLUSIVE")
            self._db.execute("PRAGMA synchronous = FULL")
            self._db.execute("BEGIN IMMEDIATE")  # held from here on: the mode keeps the lock after the commit
            for table in _TABLES:
                self._db.execute(table)
            if not (row := self._db.execute("SELECT token FROM run").fetchone()):
                row = (secrets.token_hex(3),)
                self._db.execute("INSERT INTO run VALUES (?)", row)
            self.token: str = row[0]
            self._db.execute("COMMIT")
        except OSError as error:
            raise ReplayError(f"{path}: {error.strerror or type(error).__name__}") from None
        except sqlite3.Error as error:
            if error.sqlite_errorname.startswith("SQLITE_BUSY"):
                raise ReplayError(f"{path}: the same replay is running already") from None
            raise ReplayError(f"{path}: the state cannot be kept there ({error.sqlite_errorname})") from None

    def close(self) -> None:
        """Let another process have it."""
        self._db.close()

    def forget(self) -> None:
        """Begin from the beginning, with files of other names."""
        self.token = secrets.token_hex(3)
        with _kept(), self._db:
            self._db.execute("BEGIN")
            for statement in ("DELETE FROM file", "DELETE FROM chunk", "DELETE FROM run"):
                self._db.execute(statement)
            self._db.execute("INSERT INTO run VALUES (?)", (self.token,))

    def file(self, source: Source) -> int:
        """The number of a log: what it had when it was shorter, or had a name that is gone or another log's now.

        Raises ReplayError.
        """
        with _kept():
            return self._file(source)

    def _file(self, source: Source) -> int:
        known = self._db.execute("SELECT id, head, headed FROM file WHERE path = ?", (source.path,)).fetchall()
        for number, head, headed in known:
            if (head, headed) == (source.head, source.headed):
                return int(number)
        for number, head, headed in known:
            if 0 < headed < source.headed and _begins(source.path, headed, head):
                self._db.execute(
                    "UPDATE file SET head = ?, headed = ? WHERE id = ?", (source.head, source.headed, number)
                )
                return int(number)
        alike = self._db.execute(
            "SELECT id, path, head, headed FROM file WHERE path != ? AND headed > 0 AND (headed < ? OR head = ?)",
            (source.path, source.headed, source.head),
        ).fetchall()
        for number, path, head, headed in alike:
            if _begins(source.path, headed, head) and (not _begins(path, headed, head) or _is_copy(path, source)):
                self._moved(int(number), source)
                return int(number)
        row = (source.name, source.path, source.head, source.headed)
        return int(
            self._db.execute("INSERT INTO file (name, path, head, headed) VALUES (?, ?, ?, ?)", row).lastrowid or 0
        )

    def _moved(self, number: int, source: Source) -> None:
        told = (source.path, source.head, source.headed, number)
        with self._db:
            self._db.execute("BEGIN")
            self._db.execute("UPDATE file SET path = ?, head = ?, headed = ? WHERE id = ?", told)
            # Packed meanwhile, it is smaller than it was, and where it ends is to be seen.
            self._db.execute("UPDATE chunk SET size = 0 WHERE file = ? AND size > ?", (number, source.size))

    def name(self, source: Source) -> str:
        """What a log was called at first: so are the files that are made of it."""
        row = self._db.execute("SELECT name FROM file WHERE id = ?", (self.file(source),)).fetchone()
        return str(row[0])

    def replaced(self, source: Source) -> bool:
        """Is another log known under this name, and nothing of this one done yet?"""
        of_others = self._db.execute(
            "SELECT count(*) FROM file WHERE path = ? AND id != ? AND headed > 0", (source.path, self.file(source))
        )
        return bool(of_others.fetchone()[0]) and not self.progress(source).chunks

    def progress(self, source: Source) -> Progress:
        """How far it is. The chunk in which it ended when it was shorter than now is not done any more."""
        rows = self._db.execute(
            "SELECT number, at_end, size FROM chunk WHERE file = ?", (self.file(source),)
        ).fetchall()
        done = {number: at_end for number, at_end, size in rows if not at_end or size == source.size}
        shrunk = any(size > source.size for _, _, size in rows)
        return Progress(frozenset(done), any(done.values()), shrunk)

    def finish(self, source: Source, done: Done) -> None:
        """Remember a chunk. Raises ReplayError; then the chunk is not done."""
        counted = orjson.dumps([done.tally, done.delivered]).decode()
        with _kept():
            self._db.execute(
                "INSERT OR REPLACE INTO chunk VALUES (?, ?, ?, ?, ?, ?, ?)",
                (done.file, done.number, done.at_end, source.size, done.lines, counted, done.failures),
            )

    def totals(self, sources: Sequence[Source], standards: Sequence[str]) -> Totals:
        """The sum over these logs."""
        totals = Totals(Tally.of(list(standards)))
        for source in sources:
            rows = self._db.execute("SELECT counted FROM chunk WHERE file = ?", (self.file(source),))
            for (counted,) in rows:
                totals.add(*orjson.loads(counted))
        return totals

    def failures(self, sources: Sequence[Source]) -> Iterator[dict[str, Any]]:
        """A record for each line that failed, in the order of the logs; ``line`` counts from the log's first one.

        Where chunks before it are not done yet (the replay was stopped) the line is not known, and is None.
        """
        for source in sources:
            before: int | None = 0
            rows = self._db.execute(
                "SELECT number, lines, failures FROM chunk WHERE file = ? ORDER BY number", (self.file(source),)
            )
            for expected, (number, lines, failures) in enumerate(rows):
                before = before if number == expected else None
                for record in _unpacked(failures):
                    line = record.pop("line")
                    yield {"file": source.path, "line": None if before is None else before + line, **record}
                before = None if before is None else before + lines

    def __enter__(self) -> Self:
        """Itself."""
        return self

    def __exit__(self, *error: object) -> None:
        """Close."""
        self.close()


@contextmanager
def _kept() -> Iterator[None]:
    """Raises ReplayError where the state is not kept."""
    try:
        yield
    except sqlite3.Error as error:
        raise ReplayError(f"the state cannot be kept any more ({error.sqlite_errorname})") from None


def _is_copy(path: str, source: Source) -> bool:
    """Has the log at this path the same content?"""
    try:
        return same_content(look_at(path), source)
    except LearnrelayError:
        return False


def _begins(path: str, length: int, head: str) -> bool:
    """Does the log at this path begin so?"""
    try:
        with open_raw(path) as raw:
            return begins_with(raw, length, head)
    except (LearnrelayError, OSError):
        return False
