"""The HTTP side of a receiver: connections that are kept alive, requests read, answers written, all ended.

Knows no standard and keeps nothing: ``exchange`` turns a request into an answer.
"""

import socket
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from email.message import Message
from http.client import NO_CONTENT, responses
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socketserver import TCPServer
from threading import Condition, Event
from types import MappingProxyType
from typing import Any, NamedTuple

_POLL = 0.02  # seconds until the accept loop notices that it shall end
_GRACE = 5.0  # seconds that requests in progress get to finish
_CHUNK = 64 * 1024
_READ_AT_MOST = 256 * 1024 * 1024  # of a body that is too large anyway, so that its sender sees the answer


class Incoming(NamedTuple):
    """A request as read; the body is empty where it was too large."""

    method: str
    target: str
    headers: Message
    body: bytes
    too_large: bool


class Answer(NamedTuple):
    """What goes back. ``reason``: why a request was refused, for the record.

    ``truncate``: only half of the promised body; ``pad``: blanks up to this many octets of body.
    """

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = MappingProxyType({})
    reason: str = ""
    truncate: bool = False
    pad: int = 0


# None instead of an answer closes the connection.
Exchange = Callable[["Listener", Incoming], Answer | None]


class Listener(ThreadingHTTPServer):
    """One life of a server, from listening to closed; a thread for each connection."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, address: tuple[str, int], exchange: Exchange, max_body: int) -> None:
        self.exchange = exchange
        self.max_body = max_body
        self.closing = Event()
        self.killed = False
        self._open: set[Any] = set()
        self._ended = Condition()
        super().__init__(address, _Handler)

    def server_bind(self) -> None:
        """Bind without the look-up of the host's full name, which may ask a name server."""
        TCPServer.server_bind(self)
        self.server_name, self.server_port = str(self.server_address[0]), self.server_address[1]

    def run(self) -> None:
        """Accept connections until ``close``."""
        self.serve_forever(poll_interval=_POLL)

    def close(self, *, gently: bool) -> None:
        """Listen no more and end all connections: after the request in progress, or at once."""
        self.shutdown()
        self.server_close()
        self.closing.set()
        if gently:
            # Nothing more to read: a handler finishes what it has and then meets the end of the stream.
            self._shut(socket.SHUT_RD)
        if not gently or not self._all_ended():
            self._shut(socket.SHUT_RDWR)
            self._all_ended()

    def _shut(self, how: int) -> None:
        with self._ended:
            for connection in self._open:
                with suppress(OSError):
                    connection.shutdown(how)

    def _all_ended(self) -> bool:
        with self._ended:
            return self._ended.wait_for(lambda: not self._open, _GRACE)

    def process_request(self, request: Any, client_address: Any) -> None:
        """Remember the connection, then serve it on a thread."""
        with self._ended:
            self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        """Close the connection and forget it."""
        super().shutdown_request(request)
        with self._ended:
            self._open.discard(request)
            self._ended.notify_all()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Be silent about clients that went away; show every other error."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    server: Listener
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def _serve(self) -> None:
        if "Transfer-Encoding" in self.headers:
            self.close_connection = True
            self._write(Answer(411))
            return
        length = self.headers.get("Content-Length", "0")
        if not length.isdecimal():
            self.close_connection = True
            self._write(Answer(400))
            return
        too_large = int(length) > self.server.max_body
        body = self._skip(int(length)) if too_large else self.rfile.read(int(length))
        answer = None
        if too_large or len(body) == int(length):
            incoming = Incoming(self.command, self.path, self.headers, body, too_large)
            answer = self.server.exchange(self.server, incoming)
        if answer is None:
            self.close_connection = True
        else:
            self._write(answer)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _serve  # noqa: N815 - names of the base class

    def _skip(self, length: int) -> bytes:
        self.close_connection = length > _READ_AT_MOST or self.close_connection
        remaining = min(length, _READ_AT_MOST)
        while remaining and (chunk := self.rfile.read(min(remaining, _CHUNK))):
            remaining -= len(chunk)
        return b""

    def _write(self, answer: Answer) -> None:
        body, length = answer.body, max(len(answer.body), answer.pad)
        if answer.truncate:
            self.close_connection = True
            body, length = body[: len(body) // 2], len(body) + 1
        headers = {"Date": self.date_time_string(), **answer.headers}
        if answer.status != NO_CONTENT:
            headers["Content-Length"] = str(length)
        if self.close_connection:
            headers["Connection"] = "close"
        first = f"HTTP/1.1 {answer.status} {responses.get(answer.status, '')}"
        lines = [first, *(f"{name}: {value}" for name, value in headers.items())]
        self.wfile.write("\r\n".join([*lines, "", ""]).encode("latin-1") + body)
        blanks = max(0, answer.pad - len(body))
        while blanks:
            self.wfile.write(b" " * min(blanks, _CHUNK))
            blanks -= min(blanks, _CHUNK)

    def log_message(self, format: str, *args: Any) -> None:
        """Be silent: requests are recorded by the receiver."""
