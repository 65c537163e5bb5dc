"""The logs of a replay: found by name, glob or URL, opened, told apart."""

from __future__ import annotations

import glob
import io
from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import blake2b
from importlib import import_module
from pathlib import Path
from typing import Any, BinaryIO

from ..lines import GZIP, ZSTD
from .asked import ReplayError

_HEAD = 4096


@dataclass(frozen=True, slots=True)
class Source:
    """One log. ``size`` in bytes as it is stored; ``head``: digest of how it begins, which a rotation changes."""

    path: str
    size: int
    head: str
    packed: bool

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
        return io.BufferedReader(there.open(inner, "rb"))
    return Path(path).open("rb")


def find(names: Iterable[str]) -> list[Source]:
    """The logs that these names, globs and URLs mean, in their order, each once. Raises ReplayError."""
    found: dict[str, None] = {}
    for name in names:
        paths = _of_url(name) if is_url(name) else _of_glob(name)
        if not paths:
            raise ReplayError(f"{name}: there is no such file")
        found.update(dict.fromkeys(paths))
    return [_look_at(path) for path in found]


def _of_glob(name: str) -> list[str]:
    if Path(name).is_dir():
        raise ReplayError(f"{name}: is a directory; name the files, such as {name.rstrip('/')}/*")
    matches = [name] if Path(name).exists() else sorted(glob.glob(name, recursive=True))  # noqa: PTH207  # absolute ones too
    return [str(Path(one).absolute()) for one in matches if not Path(one).is_dir()]


def _of_url(url: str) -> list[str]:
    there, inner = filesystem(url)
    try:
        paths = [inner] if there.isfile(inner) else sorted(p for p in there.glob(inner) if there.isfile(p))
    except Exception as error:  # of whatever library reaches the store
        raise ReplayError(f"{url}: {type(error).__name__}") from None
    return [there.unstrip_protocol(path) for path in paths]


def _look_at(path: str) -> Source:
    try:
        if is_url(path):
            there, inner = filesystem(path)
            size = int(there.size(inner))
        else:
            size = Path(path).stat().st_size
        with open_raw(path) as raw:
            head = raw.read(_HEAD)
    except OSError as error:
        raise ReplayError(f"{path}: {error.strerror or type(error).__name__}") from None
    return Source(path, size, blake2b(head, digest_size=8).hexdigest(), head.startswith((GZIP, ZSTD)))
