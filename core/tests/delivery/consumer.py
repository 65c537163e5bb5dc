"""A real consumer that understands ids, and the plain standard it speaks: arrays of objects with ``id``."""

from __future__ import annotations

import json
import socket
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import marshmallow

from learnrelay.standards import Answer, Judgement, Request, Standard, judge_status


class PlainStandard(Standard):
    """Sends batches as JSON arrays, and judges answers by their HTTP status."""

    name = "plain"
    settings_schema = marshmallow.Schema

    def __init__(self) -> None:
        super().__init__({})

    def framer(self, platform: Any) -> Any:
        raise AssertionError("delivery composes nothing")

    def composer(self, transformer: Any, platform: Any, event: str) -> Any:
        raise AssertionError("delivery composes nothing")

    def encode(self, batch: Sequence[bytes], now: datetime) -> Request:
        return Request(b"[" + b",".join(batch) + b"]", {"Content-Type": "application/json"})

    def judge(self, answer: Answer) -> Judgement:
        return Judgement(judge_status(answer.status), answer.body.decode(errors="replace"))

    def learners(self, statement: Any) -> Iterable[str]:
        return [statement["who"]]

    def schema(self) -> marshmallow.Schema:
        return marshmallow.Schema()


Reply = tuple[int, Mapping[str, str], bytes]


class Consumer:
    """Stores statements by id on a port of its own. ``behave`` may answer otherwise: ids → reply or None."""

    def __init__(self, port: int = 0) -> None:
        self.behave: Callable[[list[str]], Reply | int | None] = lambda ids: None
        self.requests: list[list[str]] = []
        self.headers: list[Mapping[str, str]] = []
        self.stored: dict[str, Any] = {}
        self.order: list[str] = []
        self.received: Counter[str] = Counter()
        self._lock = threading.Lock()
        self._server: ThreadingHTTPServer | None = None
        self.open_connections: set[socket.socket] = set()
        self._port = port
        self.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}/statements"

    def start(self) -> None:
        consumer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def setup(self) -> None:
                super().setup()
                consumer.open_connections.add(self.connection)

            def finish(self) -> None:
                consumer.open_connections.discard(self.connection)
                super().finish()

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                status, headers, text = consumer.answer(body, dict(self.headers))
                if status == 0:
                    self.close_connection = True
                    return
                head = "".join(f"{k}: {v}\r\n" for k, v in headers.items())
                self.wfile.write(f"HTTP/1.1 {status} X\r\n{head}Content-Length: {len(text)}\r\n\r\n".encode() + text)

            def log_message(self, *args: Any) -> None:
                pass

        class Server(ThreadingHTTPServer):
            daemon_threads = True
            block_on_close = False

            def handle_error(self, request: Any, client_address: Any) -> None:
                pass  # a killed client's connection

        self._server = Server(("127.0.0.1", self._port), Handler)
        self._port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    def answer(self, body: bytes, headers: Mapping[str, str]) -> Reply:
        """Stores the statements of a request unless `behave` has another answer. Returns the answer."""
        statements = json.loads(body)
        ids = [statement["id"] for statement in statements]
        with self._lock:
            self.requests.append(ids)
            self.headers.append(headers)
            self.received.update(ids)
        reply = self.behave(ids)
        if reply is None:
            reply = 200
            with self._lock:
                self.order += [i for i in ids if i not in self.stored]
                self.stored.update(zip(ids, statements, strict=True))
        return reply if isinstance(reply, tuple) else (reply, {}, b"")

    def stop(self) -> None:
        """Goes down like a process: the port is closed, open connections break."""
        if self._server:
            self._server.shutdown()
            self._server.server_close()
            self._server = None
            for connection in list(self.open_connections):
                connection.close()
