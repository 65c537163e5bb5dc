"""Holds the requests of taps: a file and a socket for each, in a folder that only its owner may open."""

from __future__ import annotations

import os
import secrets
import socket
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal, Self

import orjson

from ..config.models import Delivery

Stage = Literal["filter", "transform", "enrich", "route"]
STAGES: tuple[Stage, ...] = ("filter", "transform", "enrich", "route")

_REQUEST, _SOCKET = ".json", ".socket"
_LONGEST_ADDRESS = 100  # bytes; systems take 104 to 108


@dataclass(frozen=True, slots=True)
class TapRequest:
    """Describes what a tap wants to see. ``event``: name or glob. ``until``: seconds since 1970."""

    stage: Stage
    event: str
    destination: str | None
    until: float


def tap_folder(delivery: Delivery) -> Path:
    """Returns the folder of an outbox's taps: ``learnrelay.db.tap`` beside ``learnrelay.db.spool``."""
    assert delivery.spool is not None
    return delivery.spool.with_name(f"{delivery.spool.name.removesuffix('.spool')}.tap")


class TapSocket:
    """Receives what a tap shows. Closing it ends the tap: whoever sends notices."""

    def __init__(self, folder: Path, request: TapRequest) -> None:
        """Makes the folder, the socket, and then the request. Raises OSError."""
        self._folder = folder
        folder.mkdir(mode=0o700, exist_ok=True)
        _remove_abandoned(folder)
        self._name = secrets.token_hex(8)
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        before = os.umask(0o177)
        try:
            with _address(folder / f"{self._name}{_SOCKET}") as address:
                self._socket.bind(address)
            draft = folder / f"{self._name}.new"
            draft.write_bytes(orjson.dumps(asdict(request)))
            draft.rename(folder / f"{self._name}{_REQUEST}")
        finally:
            os.umask(before)

    def receive(self, seconds: float) -> bytes | None:
        """Returns the next message, or None after so many seconds."""
        self._socket.settimeout(max(seconds, 0.001))
        try:
            return self._socket.recv(2**17)
        except TimeoutError:
            return None

    def close(self) -> None:
        """Removes the request, the socket, and the folder when it was the last tap."""
        self._socket.close()
        for suffix in (_REQUEST, _SOCKET):
            (self._folder / f"{self._name}{suffix}").unlink(missing_ok=True)
        with suppress(OSError):  # another tap is there
            self._folder.rmdir()

    def __enter__(self) -> Self:
        """Returns the socket."""
        return self

    def __exit__(self, *_: object) -> None:
        """Ends the tap."""
        self.close()


def read_requests(folder: Path, known: frozenset[str] = frozenset()) -> tuple[frozenset[str], dict[str, TapRequest]]:
    """Reads the names of all requests in a folder, and those that are not ``known``.

    A folder that others may write to, or that is another user's, holds none.
    """
    try:
        about = folder.stat()
        if about.st_uid != os.geteuid() or about.st_mode & (stat.S_IRWXG | stat.S_IRWXO):
            return frozenset(), {}
        names = frozenset(name.removesuffix(_REQUEST) for name in os.listdir(folder) if name.endswith(_REQUEST))  # noqa: PTH208  # quicker, once a second
    except OSError:  # as a rule there is no folder
        return frozenset(), {}
    requests = {}
    for name in names - known:
        with suppress(OSError, ValueError, TypeError):  # it has ended, or is of another release
            request = TapRequest(**orjson.loads((folder / f"{name}{_REQUEST}").read_bytes()))
            if request.until > time.time():
                requests[name] = request
    return names, requests


def connect(folder: Path, name: str) -> socket.socket:
    """Returns a socket that sends to a tap, and never blocks. Raises OSError when the tap has ended."""
    made = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    try:
        made.setblocking(False)
        with _address(folder / f"{name}{_SOCKET}") as address:
            made.connect(address)
    except OSError:
        made.close()
        raise
    return made


def _remove_abandoned(folder: Path) -> None:
    """Removes what taps that were killed have left."""
    for path in folder.glob(f"*{_SOCKET}"):
        try:
            connect(folder, path.stem).close()
        except OSError:
            path.unlink(missing_ok=True)
            path.with_suffix(_REQUEST).unlink(missing_ok=True)


@contextmanager
def _address(path: Path) -> Iterator[str]:
    """Yields an address of a socket that is short enough for the system, also where the path is long."""
    if len(os.fsencode(path)) <= _LONGEST_ADDRESS:
        yield str(path)
        return
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        yield f"/proc/self/fd/{folder}/{path.name}"
    finally:
        os.close(folder)
