"""Bounds a whole HTTP exchange in time: connecting, the proxy's answer, sending, headers and body.

The timeout of a socket bounds one call, so that a peer that sends a byte now and then is never too slow. Here each
call gets only what is left of the time for all of them.
"""

from __future__ import annotations

import io
import math
import socket
import time
from http.client import HTTPResponse
from typing import Any

from requests.adapters import HTTPAdapter

_PIECE = 2**14  # bytes that are sent at once: a record of TLS


class Deadline:
    """Holds the time at which an exchange must be over, and the bytes that may still be received in it."""

    def __init__(self) -> None:
        self._end = 0.0
        self._room = math.inf

    def start(self, seconds: float, room: float = math.inf) -> None:
        """Starts an exchange that may take so many seconds, and bring so many bytes."""
        self._end = time.monotonic() + seconds
        self._room = room

    def count_received(self, size: int) -> None:
        """Counts bytes that were received. Raises OSError when they are too many."""
        self._room -= size
        if self._room < 0:
            raise OSError("the answer is too long")

    def is_over(self) -> bool:
        """Tells whether the time is up."""
        return time.monotonic() >= self._end

    def remaining(self) -> float:
        """Returns the seconds that are left. Raises TimeoutError when there are none."""
        if self.is_over():
            raise TimeoutError("the exchange takes too long")
        return max(self._end - time.monotonic(), 0.001)


class DeadlineAdapter(HTTPAdapter):
    """Makes connections whose every call ends by a deadline, also those through a proxy."""

    def __init__(self, deadline: Deadline) -> None:
        self._deadline = deadline
        super().__init__()

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        """Replaces the pools of direct connections."""
        super().init_poolmanager(*args, **kwargs)
        bound_pools(self.poolmanager, self._deadline)

    def proxy_manager_for(self, *args: Any, **kwargs: Any) -> Any:
        """Replaces the pools of connections through a proxy."""
        known = len(self.proxy_manager)
        manager = super().proxy_manager_for(*args, **kwargs)
        if len(self.proxy_manager) > known:
            bound_pools(manager, self._deadline)
        return manager


def bound_pools(manager: Any, deadline: Deadline) -> None:
    """Lets a ``PoolManager`` of urllib3 make connections whose every call ends by a deadline."""
    manager.pool_classes_by_scheme = {
        scheme: type(pool.__name__, (pool,), {"ConnectionCls": _bounded(pool.ConnectionCls, deadline)})
        for scheme, pool in manager.pool_classes_by_scheme.items()
    }


def _bounded(connection: type[Any], deadline: Deadline) -> type[Any]:
    return type(connection.__name__, (_BoundedConnection, connection), {"deadline": deadline})


class _BoundedConnection:
    """Sends and receives within ``deadline``: a mixin for the connections of urllib3."""

    deadline: Deadline
    sock: Any
    timeout: float

    def _new_conn(self) -> Any:
        self.timeout = min(self.timeout, self.deadline.remaining())
        sock = super()._new_conn()  # type: ignore[misc]
        sock.settimeout(self.deadline.remaining())  # for the handshake of TLS, which counts it as a whole
        return sock

    def send(self, data: bytes) -> None:
        # A plain socket counts its timeout for all that it is given; one with TLS for each record anew.
        piece = max(len(data), 1) if type(self.sock) is socket.socket else _PIECE
        for start in range(0, len(data), piece):
            if self.sock is not None:
                self.sock.settimeout(self.deadline.remaining())
            super().send(data[start : start + piece])  # type: ignore[misc]

    def response_class(self, sock: Any, **options: Any) -> HTTPResponse:
        response = HTTPResponse(sock, **options)
        response.fp = io.BufferedReader(_BoundedReader(response.fp.detach(), sock, self.deadline))
        return response


class _BoundedReader(io.RawIOBase):
    """Reads a socket within a deadline."""

    def __init__(self, raw: io.RawIOBase, sock: Any, deadline: Deadline) -> None:
        self._raw = raw
        self._sock = sock
        self._deadline = deadline

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        self._sock.settimeout(self._deadline.remaining())
        size = self._raw.readinto(buffer)
        self._deadline.count_received(size or 0)
        return size

    def close(self) -> None:
        self._raw.close()
        super().close()
