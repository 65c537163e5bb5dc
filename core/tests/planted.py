"""Secrets to plant, how to search for them, and a consumer that repeats what it is sent."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any, ClassVar
from urllib.parse import quote

PLANTED = {
    "identity": "identity-Kohlrabi-0123456789",
    "password": "password-Rutabaga/?#é",
    "token": "token-Salsify-987654321",
    "header": "clear-Celeriac-55555",
    "database": "database-Oca-24680",
    "broker": "broker-Yacon-13579",
    "webhook": "webhook-Skirret-11223344",
}


def views(secret: str) -> list[bytes]:
    """A secret as it might be found: plain, escaped, encoded."""
    forms = [secret, quote(secret, safe=""), json.dumps(secret)[1:-1], repr(secret)[1:-1]]
    found = [form.encode() for form in forms]
    for text in (secret.encode(), f"relay:{secret}".encode()):
        found += [base64.b64encode(text), text.hex().encode()]
    return found


def leaks(text: bytes) -> list[str]:
    return [name for name, secret in PLANTED.items() if any(view in text for view in views(secret))]


class Consumer(BaseHTTPRequestHandler):
    """Says what the address asks for, and repeats what it was sent, as some do in their error pages."""

    seen: ClassVar[list[str]] = []
    paths: ClassVar[list[str]] = []

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        self.seen.append(self.headers["Authorization"] or "")
        self.paths.append(self.path)
        self.send_response(int(self.path[1:4]))
        told = b"refused: " + str(self.headers).encode() + body
        self.send_header("Content-Length", str(len(told)))
        self.end_headers()
        self.wfile.write(told)

    do_GET = do_POST

    def log_message(self, *_: Any) -> None:
        pass


@contextmanager
def consuming() -> Iterator[int]:
    """The port of one that is up."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Consumer) as server:
        Thread(target=server.serve_forever).start()
        try:
            yield server.server_address[1]
        finally:
            server.shutdown()


EMIT = """
import logging, os, sys
from learnrelay import Relay
logging.basicConfig(level=logging.DEBUG)
with Relay.from_file(os.environ["LEARNRELAY_CONFIG"]) as relay:
    for line in open(sys.argv[1], "rb"):
        print(relay.emit(line), repr(relay.assembly.config))
"""
