"""The logs of a replay: found by name, glob or URL, opened, told apart."""

from __future__ import annotations

import glob
import io
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import blake2b
from importlib import import_module
from pathlib import Path
from typing import Any, BinaryIO

from ..lines import GZIP, ZSTD
from .asked import ReplayError

HEAD = 4096
_BLOCK = 2**18


@dataclass(frozen=True, slots=True)
class Source:
    """One log. ``size`` in bytes as it is stored; ``head``: digest of how it begins, which a rotation changes."""

    path: str
    size: int
    head: str
    packed: bool

    @property
    def headed(self) -> int:
        """Bytes that ``head`` is about."""
        return min(self.size, HEAD)

    @property
    def name(self) -> str:
        """Last part of the path."""
        return self.path.rstrip("/").rpartition("/")[2]


def is_url(path: str) -> bool:
    """Is it for fsspec?"""
    return "://" in path


def filesystem(url: str) -> tuple[Any, str]:
    """What fsspec reaches a URL with, and its path there. Raises ReplayError."""
    try:
        return import_module("fsspec.core").url_to_fs(url)  # type: ignore[no-any-return]
    except ImportError:
        scheme = url.partition("://")[0]
        raise ReplayError(f"{url}: pip install 'learnrelay[s3]', or fsspec with what it needs for {scheme}") from None
    except ValueError as error:
        raise ReplayError(f"{url}: {error}") from None


def open_raw(path: str) -> BinaryIO:
    """The bytes of a file or URL. Raises OSError."""
    if is_url(path):
        there, inner = filesystem(path)
        with _as_os_error():
            return io.BufferedReader(_Remote(there.open(inner, "rb")), _BLOCK)
    return Path(path).open("rb")


class _Remote(io.RawIOBase):
    """A file in a store, whose library may raise anything: here it is an OSError."""

    def __init__(self, file: Any) -> None:
        self._file = file

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        with _as_os_error():
            content = self._file.read(len(buffer))
        buffer[: len(content)] = content
        return len(content)

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        with _as_os_error():
            return int(self._file.seek(offset, whence))

    def tell(self) -> int:
        return int(self._file.tell())

    def close(self) -> None:
        self._file.close()
        super().close()


@contextmanager
def _as_os_error() -> Iterator[None]:
    try:
        yield
    except OSError:
        raise
    except Exception as error:
        raise OSError(0, f"the store says {type(error).__name__}") from None


def find(names: Iterable[str]) -> list[Source]:
    """The logs that these names, globs and URLs mean, in their order, each once. Raises ReplayError."""
    found: dict[object, str] = {}
    for name in names:
        paths = _of_url(name) if is_url(name) else _of_glob(name)
        if not paths:
            raise ReplayError(f"{name}: there is no such file")
        for path in paths:
            found.setdefault(_itself(path), path)
    return [look_at(path) for path in found.values()]


def _itself(path: str) -> object:
    """Equal for all names of a file, links among them."""
    if is_url(path):
        return path
    try:
        stat = Path(path).stat()
    except OSError:
        return path  # opening it will say what is wrong
    return stat.st_dev, stat.st_ino


def _of_glob(name: str) -> list[str]:
    if Path(name).is_dir():
        raise ReplayError(f"{name}: is a directory; name the files, such as {name.rstrip('/')}/*")
    matches = [name] if Path(name).exists() else sorted(glob.glob(name, recursive=True))  # noqa: PTH207  # absolute ones too
    return [os.path.abspath(one) for one in matches if not Path(one).is_dir()]  # noqa: PTH100  # takes .. away, not links


def _of_url(url: str) -> list[str]:
    there, inner = filesystem(url)
    try:
        paths = [inner] if there.isfile(inner) else sorted(p for p in there.glob(inner) if there.isfile(p))
    except Exception as error:  # of whatever library reaches the store
        raise ReplayError(f"{url}: {type(error).__name__}") from None
    return [there.unstrip_protocol(path) for path in paths]


def look_at(path: str) -> Source:
    """What a log is now. Raises ReplayError."""
    try:
        if is_url(path):
            there, inner = filesystem(path)
            with _as_os_error():
                size = there.size(inner)
            if size is None:
                raise ReplayError(f"{path}: its server does not say how large it is; download it first")
        else:
            size = Path(path).stat().st_size
        with open_raw(path) as raw:
            head = raw.read(min(size, HEAD))
    except OSError as error:
        raise ReplayError(f"{path}: {error.strerror or type(error).__name__}") from None
    return Source(path, int(size), _digest(head), head.startswith((GZIP, ZSTD)))


def begins_with(raw: BinaryIO, length: int, head: str) -> bool:
    """Are the first ``length`` bytes those of ``head``? Leaves the stream at its beginning. Raises OSError."""
    raw.seek(0)
    found = raw.read(length)
    raw.seek(0)
    return len(found) == length and _digest(found) == head


def _digest(head: bytes) -> str:
    return blake2b(head, digest_size=8).hexdigest()
