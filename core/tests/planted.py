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
    "client": "client-Ulluco-8642/?#é",
    "access": "access-Crosne-97531",
    "tenant": "tenant-Arracacha-1234567",
}


def views(secret: str) -> list[bytes]:
    """Lists the forms in which a secret might appear: plain, escaped, encoded."""
    forms = [secret, quote(secret, safe=""), json.dumps(secret)[1:-1], repr(secret)[1:-1]]
    encodings = [form.encode() for form in forms]
    for text in (secret.encode(), f"relay:{secret}".encode()):
        encodings += [base64.b64encode(text), text.hex().encode()]
    return encodings


def leaks(text: bytes) -> list[str]:
    return [name for name, secret in PLANTED.items() if any(view in text for view in views(secret))]


class Consumer(BaseHTTPRequestHandler):
    """Says what the address asks for, and repeats what it was sent, as some do in their error pages.

    At ``/tokens`` it gives a token.
    """

    seen: ClassVar[list[str]] = []
    paths: ClassVar[list[str]] = []

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        self.seen.append(self.headers["Authorization"] or "")
        self.paths.append(self.path)
        reply = b"refused: " + str(self.headers).encode() + body
        if self.path == "/tokens":
            reply = json.dumps({"access_token": PLANTED["access"], "token_type": "bearer", "expires_in": 60}).encode()
        self.send_response(200 if self.path == "/tokens" else int(self.path[1:4]))
        self.send_header("Content-Length", str(len(reply)))
        self.end_headers()
        self.wfile.write(reply)

    do_GET = do_POST

    def log_message(self, *_: Any) -> None:
        pass


@contextmanager
def consuming() -> Iterator[int]:
    """Returns the port of a consumer that is up."""
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
