"""Statements into files: JSON lines, packed, one file a chunk (and day), never half a file and never one twice.

A file is written under a passing name, and gets its own when it is whole, before its chunk is done. Its name says
which log and chunk it is of, and the same chunk gives the same bytes: a chunk that is done again after a kill
replaces its own files by their equals.
"""

from __future__ import annotations

import os
import secrets
import tempfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
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
from .sources import Source, filesystem, is_local, is_url
from .target import Finished, Intake, Target, count, for_destinations

SUFFIX = {"gzip": ".jsonl.gz", "zstd": ".jsonl.zst", "none": ".jsonl"}
_HELD = 2**18
_PASSING = ".part"
_LONGEST_NAME = 150  # bytes of a log's name in the names of its files; the number of the log tells them apart


class _Packer(Protocol):
    def compress(self, data: bytes | bytearray, /) -> bytes | bytearray: ...
    def flush(self) -> bytes: ...


class _Plain:
    def compress(self, data: bytes | bytearray, /) -> bytes | bytearray:
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
        compressor = import_module("zstandard").ZstdCompressor
    except ImportError:
        raise LearnrelayError("--compress zstd needs: pip install 'learnrelay[zstd]'") from None
    return lambda: compressor(level=1).compressobj()  # one each: two objects of one compressor spoil each other


class Files(Target):
    """Files below a directory or URL, by destination (where ``to`` names any) or standard."""

    def __init__(self, output: Output, token: str, names: dict[int, str], to: tuple[str, ...]) -> None:
        """``names``: file number → name of the log. Raises ReplayError, LearnrelayError."""
        self.output = output
        self.to = frozenset(to)
        self.pack = packer(output.packed)
        directory = _directory(output)
        self.place: _Place = _Store(output.url) if directory is None else _Directory(directory)
        self._token = token
        self._names = names

    def open(self, done: Done) -> Intake:
        """For a chunk."""
        log = self._names[done.file].encode()[:_LONGEST_NAME].decode(errors="ignore")
        return _Chunk(self, done, f"{log}.{self._token}-{done.file:04}-{done.number:05}{SUFFIX[self.output.packed]}")

    def rest(self) -> None:
        """Nothing to wait for."""

    def close(self) -> None:
        """Nothing to let go of."""


class _Chunk(Intake):
    def __init__(self, files: Files, done: Done, name: str) -> None:
        self._files = files
        self._to = files.to
        self._by_day = files.output.by_day
        self._done = done
        self._name = name
        self._seen: dict[str, set[str]] = {}
        self._open: dict[str, _Segment] = {}
        self._most = _HELD

    def take(self, outcome: Outcome, event: SourceEvent) -> None:
        said = for_destinations(outcome, self._to) if self._to else ((outcome.standard, outcome.statements),)
        for group, statements in said:
            folder = f"{group}/{_day(event)}" if self._by_day else group
            segment = self._open.get(folder)
            for one in statements:
                if segment is None:
                    segment = self._begin(group, folder)
                if one.id in segment.seen:
                    count(self._done, group, "repeated in the log")
                    continue
                segment.seen.add(one.id)
                held = segment.held
                held += one.content  # a copy at once: what a serialiser gives occupies more than it holds
                held += b"\n"
                if len(held) > self._most:
                    segment.write()

    def _begin(self, group: str, folder: str) -> _Segment:
        seen = self._seen.setdefault(group, set())
        segment = self._open[folder] = _Segment(self._files, f"{folder}/{self._name}", seen)
        self._most = _HELD // len(self._open)
        return segment

    def close(self, finished: Finished) -> None:
        for _, segment in sorted(self._open.items()):
            segment.finish()
        for group, seen in sorted(self._seen.items()):
            count(self._done, group, "written", len(seen))
        # Who still holds this (the traceback of an error does, until the collector comes) holds no chunk's worth.
        self._forget()
        finished(self._done)

    def abandon(self) -> None:
        for segment in self._open.values():
            segment.abandon()
        self._forget()

    def _forget(self) -> None:
        self._open.clear()
        self._seen.clear()


class _Segment:
    """``seen``: ids of what is in the segments of its group. ``held``: what is to be written next."""

    def __init__(self, files: Files, path: str, seen: set[str]) -> None:
        self.seen = seen
        self.held = bytearray()
        self._place = files.place
        self._path = path
        self._packer = files.pack()
        self._file: Any = None

    def write(self) -> None:
        if not self.held:
            return
        with _trouble_at(self._place.whole(self._path)):
            if self._file is None:
                self._file = self._place.create(self._path)
            self._file.write(self._packer.compress(self.held))
        self.held.clear()

    def abandon(self) -> None:
        """What is written stays under its passing name, and is cleared away."""
        if self._file is not None:
            self._file.close()

    def finish(self) -> None:
        self.write()
        if self._file is not None:
            with _trouble_at(self._place.whole(self._path)), self._file:
                self._file.write(self._packer.flush())
                self._place.complete(self._file, self._path)


@contextmanager
def _trouble_at(path: str) -> Iterator[None]:
    """What goes wrong with a file of the output ends the replay. The library of a store may raise anything."""
    try:
        yield
    except Exception as error:
        raise ReplayError(f"{path}: {getattr(error, 'strerror', None) or type(error).__name__}") from None


class _Place(Protocol):
    def whole(self, path: str) -> str: ...
    def create(self, path: str) -> Any: ...
    def complete(self, file: Any, path: str) -> None: ...


class _Directory:
    """Passing names begin with a dot, and no other process has the same: two of a fleet may be at one chunk.

    What killed ones leave of them is cleared away.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._mine = secrets.token_hex(4)

    def whole(self, path: str) -> str:
        return str(self._root / path)

    def create(self, path: str) -> Any:
        passing = self._passing(self._root / path)
        passing.parent.mkdir(parents=True, exist_ok=True)
        return passing.open("wb")

    def _passing(self, final: Path) -> Path:
        return final.with_name(f".{final.name}.{self._mine}{_PASSING}")

    def complete(self, file: Any, path: str) -> None:
        final = self._root / path
        file.flush()
        os.fsync(file.fileno())
        self._passing(final).replace(final)
        _sync_directory(final.parent)


class _Store:
    """An object store, which gets each file in one piece when it is whole."""

    def __init__(self, root: str) -> None:
        self._there, inner = filesystem(root)
        self._root = inner.rstrip("/")

    def whole(self, path: str) -> str:
        return f"{self._root}/{path}"

    def create(self, path: str) -> Any:
        return tempfile.TemporaryFile()

    def complete(self, file: Any, path: str) -> None:
        final = self.whole(path)
        file.seek(0)
        self._there.makedirs(final.rpartition("/")[0], exist_ok=True)
        self._there.pipe_file(final, file.read())


def _directory(output: Output) -> Path | None:
    """The directory that an output is, None for a store."""
    if not is_url(output.url):
        return Path(output.url)
    there, inner = filesystem(output.url)
    return Path(inner) if is_local(there) else None


def prepare(output: Output, logs: Sequence[Source]) -> None:
    """Make sure that files can be written there, and are not taken for logs. Raises ReplayError, LearnrelayError."""
    packer(output.packed)
    directory = _directory(output)
    if directory is None:
        there, inner = filesystem(output.url)
        if not inner.strip("/") or output.url.startswith("memory:"):
            raise ReplayError(f"{output.url}: nothing can be kept there; name a place in a store")
        bucket = inner[: inner.find("/", 1)] if "/" in inner[1:] else inner
        with _trouble_at(output.url):
            found = there.exists(bucket)
        if not found:  # s3fs would make it
            raise ReplayError(f"{output.url}: there is no {bucket}, or it is not reached")
        return
    try:
        directory.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ReplayError(f"{directory}: {error.strerror or type(error).__name__}") from None
    if not os.access(directory, os.W_OK | os.X_OK):
        raise ReplayError(f"{directory}: nothing can be written there")
    for log in logs:
        if directory.resolve() in Path(log.path).resolve().parents:
            raise ReplayError(f"{log.path}: is among the files of {directory}; give the output a place of its own")


def clear_passing(output: Output, token: str) -> None:
    """Remove the half files that a killed run left in a directory."""
    directory = _directory(output)
    for left in directory.rglob(f".*.{token}-*{_PASSING}") if directory else ():
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
