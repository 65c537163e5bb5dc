"""The logs of a replay: found by name, glob or URL, opened, told apart."""

from __future__ import annotations

import glob
import io
import os
import stat
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from hashlib import blake2b
from importlib import import_module
from pathlib import Path
from typing import Any, BinaryIO

from ..errors import LearnrelayError
from ..lines import packer_of, unpacked
from .asked import ReplayError

HEAD = 4096
_BLOCK = 2**18  # stored bytes; the first HEAD bytes of content are among them, however they are packed


@dataclass(frozen=True, slots=True)
class Source:
    """One log. ``size`` in bytes as it is stored.

    ``head``: digest of the first ``headed`` bytes of its content, by which it is known again under another name and
    when it was packed meanwhile.
    """

    path: str
    size: int
    head: str
    headed: int
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
    except OSError as error:
        raise ReplayError(f"{url}: {error.strerror or type(error).__name__}") from None


def is_local(there: Any) -> bool:
    """Are these files of this machine?"""
    return "file" in ((there.protocol,) if isinstance(there.protocol, str) else there.protocol)


def open_raw(path: str) -> BinaryIO:
    """The bytes of a file or URL. Raises OSError."""
    if is_url(path):
        there, inner = filesystem(path)
        with _as_os_error():
            return io.BufferedReader(_Remote(there, there.open(inner, "rb")), _BLOCK)
    return Path(path).open("rb")


class _Remote(io.RawIOBase):
    """A file in a store, whose library may raise anything: here it is an OSError."""

    def __init__(self, store: Any, file: Any) -> None:
        self._store = store  # an archive is closed with it
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


def find(names: Iterable[str], tell: Callable[[str], None], written: str | None = None) -> list[Source]:
    """The logs that these names, globs and URLs mean, in their order, each once: of copies, which are told, the first.

    ``written``: a file that is going to be written, so that no log may be it. Raises ReplayError.
    """
    found: dict[object, str] = {}
    for name in names:
        if not name:
            raise ReplayError("one of the names is empty")
        paths = _of_url(name) if is_url(name) else _of_glob(name)
        if not paths:
            reached = ", or it is not reached" if is_url(name) else ""
            raise ReplayError(f"{name}: there is no such file{reached}")
        for path in paths:
            if not _is_text(path):
                raise ReplayError(f"{path!a}: the name is not UTF-8; rename the file")
            if written is not None and same_file(written, path):
                raise ReplayError(f"{written}: is one of the logs, and would be written over")
            found.setdefault(_itself(path), path)
    logs: list[Source] = []
    alike: dict[object, list[Source]] = {}
    for path in found.values():
        source = look_at(path)
        others = alike.setdefault((source.head, source.headed), [])
        if (same := next((other for other in others if same_content(other, source)), None)) is not None:
            tell(f"{path}: is the same as {same.path}, and read once")
            continue
        others.append(source)
        logs.append(source)
    return logs


def same_content(one: Source, other: Source) -> bool:
    """Of two logs that begin alike; either may be packed."""
    if not one.size or (not one.packed and not other.packed and one.size != other.size):
        return False
    try:
        with unpacked(open_raw(one.path)) as first, unpacked(open_raw(other.path)) as second:
            while (piece := first.read(_BLOCK)) == second.read(_BLOCK):
                if not piece:
                    return True
    except (OSError, EOFError, zlib.error):
        pass  # reading it as a log will say what is wrong
    return False


def same_file(one: str, other: str) -> bool:
    """Do two paths lead to one file that is there?"""
    try:
        return Path(one).samefile(other)
    except OSError:
        return False


def _is_text(path: str) -> bool:
    try:
        path.encode()
    except UnicodeEncodeError:
        return False
    return True


def _itself(path: str) -> object:
    """Equal for all names of a file, links among them."""
    if is_url(path):
        return path
    try:
        about = Path(path).stat()
    except OSError:
        return path  # opening it will say what is wrong
    return about.st_dev, about.st_ino


def _of_glob(name: str) -> list[str]:
    if name == "-":
        raise ReplayError("-: standard input cannot be read again; save it as a file, or use learnrelay transform")
    if Path(name).is_dir():
        raise ReplayError(f"{name}: is a directory; name the files, such as {name.rstrip('/')}/*")
    matches = [name] if Path(name).exists() else sorted(glob.glob(name, recursive=True))  # noqa: PTH207  # absolute ones too
    return [os.path.abspath(one) for one in matches if not Path(one).is_dir()]  # noqa: PTH100  # takes .. away, not links


def _of_url(url: str) -> list[str]:
    there, inner = filesystem(url)
    if is_local(there) and "::" not in url:
        return _of_glob(inner)
    try:
        paths = [inner] if there.isfile(inner) else sorted(p for p in there.glob(inner) if there.isfile(p))
    except Exception as error:  # of whatever library reaches the store
        raise ReplayError(f"{url}: {type(error).__name__}") from None
    # in their place in the URL, for it may name a host, or what they are packed in
    return [url.replace(inner, path, 1) if inner in url else there.unstrip_protocol(path) for path in paths]


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
            about = Path(path).stat()
            if not stat.S_ISREG(about.st_mode):
                raise ReplayError(f"{path}: is a pipe or device, which cannot be read again; save it as a file")
            size = about.st_size
        with open_raw(path) as raw:
            stored = raw.read(min(size, _BLOCK))
        head = _content(stored)
    except OSError as error:
        raise ReplayError(f"{path}: {error.strerror or type(error).__name__}") from None
    except ReplayError:
        raise
    except LearnrelayError as error:  # what unpacks it is not installed
        raise ReplayError(f"{path}: {error}") from None
    return Source(path, int(size), _digest(head), len(head), packer_of(stored) != "")


def begins_with(raw: BinaryIO, length: int, head: str) -> bool:
    """Are the first ``length`` bytes of the content those of ``head``? Leaves the stream at its beginning.

    Raises OSError.
    """
    raw.seek(0)
    found = _content(raw.read(_BLOCK))[:length]
    raw.seek(0)
    return len(found) == length and _digest(found) == head


def _content(stored: bytes) -> bytes:
    """The first bytes of content, as far as they can be unpacked."""
    stream = unpacked(io.BufferedReader(io.BytesIO(stored)))
    found = b""
    with suppress(EOFError, OSError, zlib.error):
        while len(found) < HEAD and (more := stream.read1(HEAD - len(found))):  # type: ignore[attr-defined]
            found += more
    return found


def _digest(head: bytes) -> str:
    return blake2b(head, digest_size=8).hexdigest()
