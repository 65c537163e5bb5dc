"""Finds the logs of a replay by name, glob or URL, opens them, and detects copies."""

from __future__ import annotations

import glob
import io
import os
import stat
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from hashlib import blake2b
from pathlib import Path
from typing import Any, BinaryIO

from ..errors import LearnrelayError, ReplayError, StorageError
from ..reading.lines import packer_of, unpacked
from ..storage.stores import filesystem, is_local, is_url

HEAD = 4096
_BLOCK = 2**18  # stored bytes; the first HEAD bytes of content are among them, however they are packed


@dataclass(frozen=True, slots=True)
class LogFile:
    """Describes one log. ``size``: stored bytes.

    ``head``: keyed digest of the first ``headed`` bytes of its content, which identifies it under another name and
    after packing. ``first_line``: number derived from its first line, or from the part of it that ``head`` covers.
    ``key``: of these digests, because a single line could be tried out; it is never stored.
    """

    path: str
    size: int
    head: str
    headed: int
    packed: bool
    first_line: int
    key: str = field(default="", repr=False)

    @property
    def name(self) -> str:
        """Returns the last part of the path."""
        return self.path.rstrip("/").rpartition("/")[2]


def open_raw(path: str) -> BinaryIO:
    """Opens the stored bytes of a file or URL. Raises OSError."""
    if is_url(path):
        file_system, inner = filesystem(path)
        with _store_errors():
            return io.BufferedReader(_RemoteFile(file_system, file_system.open(inner, "rb")), _BLOCK)
    return Path(path).open("rb")


class _RemoteFile(io.RawIOBase):
    """Reads a file in a store. Turns any error of the store's library into OSError."""

    def __init__(self, store: Any, file: Any) -> None:
        self._store = store  # an archive is closed with it
        self._file = file

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        with _store_errors():
            content = self._file.read(len(buffer))
        buffer[: len(content)] = content
        return len(content)

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        with _store_errors():
            return int(self._file.seek(offset, whence))

    def tell(self) -> int:
        return int(self._file.tell())

    def close(self) -> None:
        self._file.close()
        super().close()


@contextmanager
def _store_errors() -> Iterator[None]:
    try:
        yield
    except OSError:
        raise
    except Exception as error:
        raise OSError(0, f"the store says {type(error).__name__}") from None


def find_logs(
    names: Iterable[str], report: Callable[[str], None], key: str, written: str | None = None
) -> list[LogFile]:
    """Finds the logs of names, globs and URLs in their order, each once. ``key``: of their digests.

    Of copies the first is returned, and the others are reported. ``written``: a file that will be written, and so may
    be no log. Raises ReplayError.
    """
    paths_by_identity: dict[object, str] = {}
    for name in names:
        if not name:
            raise ReplayError("one of the names is empty")
        paths = _url_paths(name) if is_url(name) else _glob_paths(name)
        if not paths:
            reached = ", or it is not reached" if is_url(name) else ""
            raise ReplayError(f"{name}: there is no such file{reached}")
        for path in paths:
            if not _is_utf8(path):
                raise ReplayError(f"{path!a}: the name is not UTF-8; rename the file")
            if written is not None and is_same_file(written, path):
                raise ReplayError(f"{written}: is one of the logs, and would be written over")
            paths_by_identity.setdefault(_file_identity(path), path)
    logs: list[LogFile] = []
    alike: dict[object, list[LogFile]] = {}
    for path in paths_by_identity.values():
        log_file = describe_log(path, key)
        others = alike.setdefault((log_file.head, log_file.headed), [])
        if (same := next((other for other in others if is_same_content(other, log_file)), None)) is not None:
            report(f"{path}: is the same as {same.path}, and read once")
            continue
        others.append(log_file)
        logs.append(log_file)
    return logs


def is_same_content(log_file: LogFile, other: LogFile) -> bool:
    """Tells whether two logs with equal heads are copies. Either may be packed."""
    if not log_file.size or (not log_file.packed and not other.packed and log_file.size != other.size):
        return False
    try:
        with unpacked(open_raw(log_file.path)) as first, unpacked(open_raw(other.path)) as second:
            while (piece := first.read(_BLOCK)) == second.read(_BLOCK):
                if not piece:
                    return True
    except (OSError, EOFError, zlib.error):
        pass  # reading it as a log will report the error
    return False


def is_same_file(path: str, other: str) -> bool:
    """Tells whether two paths lead to one existing file."""
    try:
        return Path(path).samefile(other)
    except OSError:
        return False


def _is_utf8(path: str) -> bool:
    try:
        path.encode()
    except UnicodeEncodeError:
        return False
    return True


def _file_identity(path: str) -> object:
    """Returns a value that is equal for all names of a file, including links."""
    if is_url(path):
        return path
    try:
        about = Path(path).stat()
    except OSError:
        return path  # opening it will report the error
    return about.st_dev, about.st_ino


def _glob_paths(name: str) -> list[str]:
    """Returns the absolute paths of a name or glob. Raises ReplayError."""
    if name == "-":
        raise ReplayError("-: standard input cannot be read again; save it as a file, or use learnrelay transform")
    if Path(name).is_dir():
        raise ReplayError(f"{name}: is a directory; name the files, such as {name.rstrip('/')}/*")
    matches = [name] if Path(name).exists() else sorted(glob.glob(name, recursive=True))  # noqa: PTH207  # absolute ones too
    return [os.path.abspath(match) for match in matches if not Path(match).is_dir()]  # noqa: PTH100  # removes .., keeps links


def _url_paths(url: str) -> list[str]:
    """Returns the URLs that a URL or glob matches. Raises ReplayError."""
    file_system, inner = filesystem(url)
    if is_local(file_system) and "::" not in url:
        return _glob_paths(inner)
    try:
        is_file = file_system.isfile
        paths = [inner] if is_file(inner) else sorted(path for path in file_system.glob(inner) if is_file(path))
    except Exception as error:  # of any library that reaches a store
        raise ReplayError(f"{url}: {type(error).__name__}") from None
    # replaced within the URL, which may also name a host or an archive
    return [url.replace(inner, path, 1) if inner in url else file_system.unstrip_protocol(path) for path in paths]


def describe_log(path: str, key: str) -> LogFile:
    """Describes the log at a path as it is now, with digests made with ``key``. Raises ReplayError."""
    try:
        if is_url(path):
            file_system, inner = filesystem(path)
            with _store_errors():
                size = file_system.size(inner)
            if size is None:
                raise ReplayError(f"{path}: its server does not say how large it is; download it first")
        else:
            about = Path(path).stat()
            if not stat.S_ISREG(about.st_mode):
                raise ReplayError(f"{path}: is a pipe or device, which cannot be read again; save it as a file")
            size = about.st_size
        with open_raw(path) as raw:
            stored = raw.read(min(size, _BLOCK))
        head = _unpacked_head(stored)
    except OSError as error:
        raise ReplayError(f"{path}: {error.strerror or type(error).__name__}") from None
    except (ReplayError, StorageError):
        raise
    except LearnrelayError as error:  # what unpacks it is not installed
        raise ReplayError(f"{path}: {error}") from None
    first_line = int(_digest(head.partition(b"\n")[0], key), 16)
    return LogFile(path, int(size), _digest(head, key), len(head), packer_of(stored) != "", first_line, key)


def has_head(raw: BinaryIO, length: int, head: str, key: str) -> bool:
    """Tells whether the first ``length`` bytes of the content have the digest ``head`` by ``key``. Rewinds the stream.

    Raises OSError.
    """
    raw.seek(0)
    content = _unpacked_head(raw.read(_BLOCK))[:length]
    raw.seek(0)
    return len(content) == length and _digest(content, key) == head


def _unpacked_head(stored: bytes) -> bytes:
    """Unpacks the first bytes of content, as far as possible."""
    stream = unpacked(io.BufferedReader(io.BytesIO(stored)))
    content = b""
    with suppress(EOFError, OSError, zlib.error):
        while len(content) < HEAD and (more := stream.read1(HEAD - len(content))):  # type: ignore[attr-defined]
            content += more
    return content


def _digest(head: bytes, key: str) -> str:
    return blake2b(head, digest_size=8, key=key.encode()).hexdigest()
