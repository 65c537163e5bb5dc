"""Implements the HTTP side of a reference endpoint: connections, keep-alive, requests and responses.

Knows no standard and stores nothing: ``exchange`` turns a request into a response.
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

_POLL = 0.02  # seconds until the accept loop notices that it must end
_GRACE = 5.0  # seconds that requests in progress get to finish
_CHUNK = 64 * 1024
_READ_AT_MOST = 256 * 1024 * 1024  # of a body that is too large anyway, so that its sender sees the response


class RawRequest(NamedTuple):
    """Holds a request as it was read. The body is empty if it was too large."""

    method: str
    target: str
    headers: Message
    body: bytes
    too_large: bool


class HttpResponse(NamedTuple):
    """Holds a response. ``reason``: why the request was refused, for the request record.

    ``truncate``: send only half of the promised body; ``pad``: fill the body with blanks up to this many octets.
    """

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = MappingProxyType({})
    reason: str = ""
    truncate: bool = False
    pad: int = 0


# None instead of a response closes the connection.
Exchange = Callable[["Listener", RawRequest], HttpResponse | None]


class Listener(ThreadingHTTPServer):
    """Serves HTTP on one port from start to close, with one thread for each connection."""

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
        """Binds without looking up the host's full name, which may query a name server."""
        TCPServer.server_bind(self)
        self.server_name, self.server_port = str(self.server_address[0]), self.server_address[1]

    def run(self) -> None:
        """Accepts connections until ``close``."""
        self.serve_forever(poll_interval=_POLL)

    def close(self, *, gently: bool) -> None:
        """Stops listening and ends all connections: after the request in progress if ``gently``, else at once."""
        self.shutdown()
        self.server_close()
        self.closing.set()
        if gently:
            # Stops reading: a handler finishes its request and then reaches the end of the stream.
            self._shut(socket.SHUT_RD)
        if not gently or not self._wait_until_ended():
            self._shut(socket.SHUT_RDWR)
            self._wait_until_ended()

    def _shut(self, how: int) -> None:
        with self._ended:
            for connection in self._open:
                with suppress(OSError):
                    connection.shutdown(how)

    def _wait_until_ended(self) -> bool:
        with self._ended:
            return self._ended.wait_for(lambda: not self._open, _GRACE)

    def process_request(self, request: Any, client_address: Any) -> None:
        """Registers the connection, then serves it on a thread."""
        with self._ended:
            self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        """Closes the connection and unregisters it."""
        super().shutdown_request(request)
        with self._ended:
            self._open.discard(request)
            self._ended.notify_all()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Ignores clients that disconnect and shows every other error."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    server: Listener
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def _serve(self) -> None:
        if "Transfer-Encoding" in self.headers:
            self.close_connection = True
            self._write(HttpResponse(411))
            return
        length = self.headers.get("Content-Length", "0")
        if not length.isdecimal():
            self.close_connection = True
            self._write(HttpResponse(400))
            return
        too_large = int(length) > self.server.max_body
        body = self._skip(int(length)) if too_large else self.rfile.read(int(length))
        response = None
        if too_large or len(body) == int(length):
            raw = RawRequest(self.command, self.path, self.headers, body, too_large)
            response = self.server.exchange(self.server, raw)
        if response is None:
            self.close_connection = True
        else:
            self._write(response)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _serve  # noqa: N815 - names of the base class

    def _skip(self, length: int) -> bytes:
        self.close_connection = length > _READ_AT_MOST or self.close_connection
        remaining = min(length, _READ_AT_MOST)
        while remaining and (chunk := self.rfile.read(min(remaining, _CHUNK))):
            remaining -= len(chunk)
        return b""

    def _write(self, response: HttpResponse) -> None:
        body, length = response.body, max(len(response.body), response.pad)
        if response.truncate:
            self.close_connection = True
            body, length = body[: len(body) // 2], len(body) + 1
        headers = {"Date": self.date_time_string(), **response.headers}
        if response.status != NO_CONTENT:
            headers["Content-Length"] = str(length)
        if self.close_connection:
            headers["Connection"] = "close"
        first = f"HTTP/1.1 {response.status} {responses.get(response.status, '')}"
        lines = [first, *(f"{name}: {value}" for name, value in headers.items())]
        self.wfile.write("\r\n".join([*lines, "", ""]).encode("latin-1") + body)
        blanks = max(0, response.pad - len(body))
        while blanks:
            self.wfile.write(b" " * min(blanks, _CHUNK))
            blanks -= min(blanks, _CHUNK)

    def log_message(self, format: str, *args: Any) -> None:
        """Logs nothing: the endpoint records its requests."""
