"""Writes files of JSON lines, plain or compressed, into a folder or an object store.

A file has its name when it is complete, and not before: in a folder it is written under a temporary name and renamed,
in a store it is put in one piece.
"""

from __future__ import annotations

import os
import secrets
import tempfile
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from importlib import import_module
from pathlib import Path
from typing import Any, Protocol

from ..errors import LearnrelayError, StorageError
from ..private_files import create_private_folder, open_private
from .stores import filesystem, is_local, is_url

SUFFIX = {"gzip": ".jsonl.gz", "zstd": ".jsonl.zst", "none": ".jsonl"}
BUFFER_SIZE = 2**18
"""Bytes after which the buffer of a file is written."""
_TEMPORARY = ".part"


class Compressor(Protocol):
    """Declares the compressor of one file."""

    def compress(self, data: bytes | bytearray, /) -> bytes | bytearray:
        """Returns what can be written so far."""

    def flush(self) -> bytes:
        """Returns the end of the file."""


class _NoCompression:
    """Returns content as it is."""

    def compress(self, data: bytes | bytearray, /) -> bytes | bytearray:
        return data

    def flush(self) -> bytes:
        return b""


def compressor_factory(compression: str) -> Callable[[], Compressor]:
    """Returns a function that makes a compressor for each file, at the fastest level: statements resemble each other.

    Raises LearnrelayError where zstd is not installed.
    """
    if compression == "gzip":
        return lambda: zlib.compressobj(1, zlib.DEFLATED, 31)
    if compression == "none":
        return _NoCompression
    try:
        compressor = import_module("zstandard").ZstdCompressor
    except ImportError:
        raise LearnrelayError("zstd needs: pip install 'learnrelay[zstd]'") from None
    return lambda: compressor(level=1).compressobj()  # one for each file: objects of one compressor spoil each other


class StatementFile:
    """Writes one file of JSON lines, which has its name when it is complete.

    ``buffer``: content to be written next. Raises StorageError.
    """

    def __init__(self, storage: Storage, path: str, compressor: Compressor) -> None:
        self.buffer = bytearray()
        self._storage = storage
        self._path = path
        self._compressor = compressor
        self._file: Any = None

    def write(self) -> None:
        """Writes the buffer."""
        if not self.buffer:
            return
        with errors_at(self._storage.full_path(self._path)):
            if self._file is None:
                self._file = self._storage.create(self._path)
            self._file.write(self._compressor.compress(self.buffer))
        self.buffer.clear()

    def abandon(self) -> None:
        """Closes the file under its temporary name, for `Storage.remove_temporaries`."""
        if self._file is not None:
            self._file.close()

    def finish(self) -> None:
        """Completes the file, if there is anything in it."""
        self.write()
        if self._file is not None:
            with errors_at(self._storage.full_path(self._path)), self._file:
                self._file.write(self._compressor.flush())
                self._storage.complete(self._file, self._path)


@contextmanager
def errors_at(path: str) -> Iterator[None]:
    """Turns any error of a file, or of a store's library, into a StorageError that names the path."""
    try:
        yield
    except Exception as error:
        raise StorageError(f"{path}: {getattr(error, 'strerror', None) or type(error).__name__}") from None


class Storage(Protocol):
    """Declares where files are stored. Paths are relative to its folder or URL."""

    def full_path(self, path: str) -> str:
        """Returns the path for messages."""

    def create(self, path: str) -> Any:
        """Creates a temporary file."""

    def complete(self, file: Any, path: str) -> None:
        """Gives a temporary file its path, in one step, in place of what stands there."""

    def remove_temporaries(self, names: str, age: float = 0.0) -> None:
        """Removes the temporary files of killed processes, ``age`` seconds old, whose files match a glob."""


class _FolderStorage:
    """Stores files in a directory. Temporary names begin with a dot.

    Each process has names of its own: one that was killed may still write when its successor writes the same chunk.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._suffix = secrets.token_hex(4)

    def full_path(self, path: str) -> str:
        return str(self._root / path)

    def create(self, path: str) -> Any:
        temporary = self._temporary(self._root / path)
        create_private_folder(temporary.parent)
        return open_private(temporary)

    def _temporary(self, final: Path) -> Path:
        return final.with_name(f".{final.name}.{self._suffix}{_TEMPORARY}")

    def complete(self, file: Any, path: str) -> None:
        final = self._root / path
        file.flush()
        os.fsync(file.fileno())
        self._temporary(final).replace(final)
        _sync_directory(final.parent)

    def remove_temporaries(self, names: str, age: float = 0.0) -> None:
        latest = time.time() - age
        for path in self._root.rglob(f".{names}.*{_TEMPORARY}"):
            with suppress(FileNotFoundError):  # complete meanwhile
                if path.stat().st_mtime <= latest:
                    path.unlink()


class _ObjectStorage:
    """Stores files in an object store, each in one piece when it is complete."""

    def __init__(self, root: str, timeout: float | None) -> None:
        self._file_system, inner = filesystem(root, timeout)
        self._root = inner.rstrip("/")

    def full_path(self, path: str) -> str:
        return f"{self._root}/{path}"

    def create(self, path: str) -> Any:
        return tempfile.TemporaryFile()

    def complete(self, file: Any, path: str) -> None:
        final = self.full_path(path)
        file.seek(0)
        self._file_system.makedirs(final.rpartition("/")[0], exist_ok=True)
        self._file_system.pipe_file(final, file.read())

    def remove_temporaries(self, names: str, age: float = 0.0) -> None:
        pass


def open_storage(url: str, timeout: float | None = None) -> Storage:
    """Opens a folder, or the URL of a store. ``timeout``: seconds for an answer of a store. Raises StorageError."""
    folder = find_folder(url)
    return _ObjectStorage(url, timeout) if folder is None else _FolderStorage(folder)


def find_folder(url: str) -> Path | None:
    """Returns the folder of this machine at a path or URL; None for a store. Raises StorageError."""
    if not is_url(url):
        return Path(url)
    file_system, inner = filesystem(url)
    return Path(inner) if is_local(file_system) else None


def check_storage(url: str) -> None:
    """Checks that files can be written there, and creates a folder that is not there. Raises StorageError."""
    folder = find_folder(url)
    if folder is None:
        file_system, inner = filesystem(url)
        if not inner.strip("/") or url.startswith("memory:"):
            raise StorageError(f"{url}: nothing can be kept there; name a place in a store")
        bucket = inner[: inner.find("/", 1)] if "/" in inner[1:] else inner
        with errors_at(url):
            exists = file_system.exists(bucket)
        if not exists:  # s3fs would create it
            raise StorageError(f"{url}: there is no {bucket}, or it is not reached")
        return
    with errors_at(str(folder)):
        create_private_folder(folder)
    if not os.access(folder, os.W_OK | os.X_OK):
        raise StorageError(f"{folder}: nothing can be written there")


def _sync_directory(directory: Path) -> None:
    with suppress(OSError):  # not every file system lets one do it
        handle = os.open(directory, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
