"""Statements into files: JSON lines, packed, one file a chunk (and day), never half a file and never one twice.

A file is written under a passing name, and gets its own when it is whole, before its chunk is done. Its name says
which log and chunk it is of, and the same chunk gives the same bytes: a chunk that is done again after a kill
replaces its own files by their equals.
"""

from __future__ import annotations

import os
import zlib
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC
from importlib import import_module
from pathlib import Path
from typing import Any, Protocol

from ..errors import LearnrelayError
from ..events import SourceEvent
from ..kinds import moment
from ..pipeline import Outcome
from .asked import Output, ReplayError
from .checkpoint import Done
from .sources import filesystem, is_url
from .target import Finished, Intake, Target, count, for_destinations, written

SUFFIX = {"gzip": ".jsonl.gz", "zstd": ".jsonl.zst", "none": ".jsonl"}
_HELD = 2**22
_PASSING = ".part"


class _Packer(Protocol):
    def compress(self, data: bytes, /) -> bytes: ...
    def flush(self) -> bytes: ...


class _Plain:
    def compress(self, data: bytes, /) -> bytes:
        return data

    def flush(self) -> bytes:
        return b""


def packer(packed: str) -> Callable[[], _Packer]:
    """What makes a packer for each file: the fastest level, statements resemble each other enough.

    Raises LearnrelayError where zstd is not installed.
    """
    if packed == "gzip":
        return lambda: zlib.compressobj(1, zlib.DEFLATED, 31)
    if packed == "none":
        return _Plain
    try:
        return import_module("zstandard").ZstdCompressor(level=1).compressobj  # type: ignore[no-any-return]
    except ImportError:
        raise LearnrelayError("--compress zstd needs: pip install 'learnrelay[zstd]'") from None


class Files(Target):
    """Files below a directory or URL, by destination (where ``to`` names any) or standard."""

    def __init__(self, output: Output, token: str, names: dict[int, str], to: tuple[str, ...]) -> None:
        """``names``: file number → name of the log. Raises ReplayError, LearnrelayError."""
        self.output = output
        self.to = frozenset(to)
        self.pack = packer(output.packed)
        self.place: _Place = _Store(output.url) if is_url(output.url) else _Directory(output.url)
        self._token = token
        self._names = names

    def open(self, done: Done) -> Intake:
        """For a chunk."""
        log = self._names[done.file]
        return _Chunk(self, done, f"{log}.{self._token}-{done.file:04}-{done.number:05}{SUFFIX[self.output.packed]}")

    def close(self) -> None:
        """Nothing to wait for."""


class _Chunk(Intake):
    def __init__(self, files: Files, done: Done, name: str) -> None:
        self._files = files
        self._done = done
        self._name = name
        self._open: dict[str, _Segment] = {}
        self._seen: dict[str, set[str]] = {}
        self._held = 0

    def take(self, outcome: Outcome, event: SourceEvent) -> None:
        if self._files.to:
            for name, statements in for_destinations(outcome, self._files.to):
                self._keep(name, statements, event)
        else:
            self._keep(outcome.standard, written(outcome), event)

    def _keep(self, group: str, statements: list[tuple[str, bytes]], event: SourceEvent) -> None:
        folder = f"{group}/{_day(event)}" if self._files.output.by_day else group
        segment = self._open.get(folder)
        if segment is None:
            segment = self._open[folder] = _Segment(self._files, f"{folder}/{self._name}")
        seen = self._seen.setdefault(group, set())
        for statement_id, payload in statements:
            if statement_id in seen:
                count(self._done, group, "repeated in the log")
                continue
            seen.add(statement_id)
            segment.lines.append(payload)
            self._held += len(payload)
        if self._held > _HELD:
            self._held = 0
            for one in self._open.values():
                one.write()

    def close(self, finished: Finished) -> None:
        for folder, segment in sorted(self._open.items()):
            segment.finish()
            count(self._done, folder.partition("/")[0], "written", segment.written)
        finished(self._done)


class _Segment:
    def __init__(self, files: Files, path: str) -> None:
        self.lines: list[bytes] = []
        self.written = 0
        self._files = files
        self._path = path
        self._packer = files.pack()
        self._file: Any = None

    def write(self) -> None:
        if not self.lines:
            return
        if self._file is None:
            self._file = self._files.place.create(self._path)
        self._file.write(self._packer.compress(b"\n".join(self.lines) + b"\n"))
        self.written += len(self.lines)
        self.lines = []

    def finish(self) -> None:
        self.write()
        if self._file is not None:
            self._file.write(self._packer.flush())
            self._files.place.complete(self._file, self._path)


class _Place(Protocol):
    def create(self, path: str) -> Any: ...
    def complete(self, file: Any, path: str) -> None: ...


class _Directory:
    """Passing names begin with a dot; what a killed run left of them is written over or cleared away."""

    def __init__(self, root: str) -> None:
        self._root = Path(root)

    def create(self, path: str) -> Any:
        final = self._root / path
        try:
            final.parent.mkdir(parents=True, exist_ok=True)
            return self._passing(final).open("wb")
        except OSError as error:
            raise ReplayError(f"{final}: {error.strerror or type(error).__name__}") from None

    @staticmethod
    def _passing(final: Path) -> Path:
        return final.with_name(f".{final.name}{_PASSING}")

    def complete(self, file: Any, path: str) -> None:
        final = self._root / path
        file.flush()
        os.fsync(file.fileno())
        file.close()
        self._passing(final).replace(final)
        _sync_directory(final.parent)


class _Store:
    """An object store: a file is there when it is closed, and not before."""

    def __init__(self, root: str) -> None:
        self._there, self._root = filesystem(root)

    def create(self, path: str) -> Any:
        try:
            self._there.makedirs(f"{self._root.rstrip('/')}/{path.rpartition('/')[0]}", exist_ok=True)
            return self._there.open(f"{self._root.rstrip('/')}/{path}", "wb")
        except OSError as error:
            raise ReplayError(f"{path}: {error.strerror or type(error).__name__}") from None

    def complete(self, file: Any, path: str) -> None:
        file.close()


def clear_passing(output: Output, token: str) -> None:
    """Remove the half files that a killed run left in a directory."""
    if not is_url(output.url):
        for left in Path(output.url).rglob(f".*.{token}-*{_PASSING}"):
            left.unlink(missing_ok=True)


def _sync_directory(directory: Path) -> None:
    with suppress(OSError):  # not every file system lets one do it
        handle = os.open(directory, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _day(event: SourceEvent) -> str:
    when = moment(event.body["timestamp"])
    return when.astimezone(UTC).date().isoformat() if when else "undated"
