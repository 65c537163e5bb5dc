"""A real token server (RFC 6749, client credentials): it checks the client, and notes what it was asked."""

from __future__ import annotations

import json
from base64 import b64decode
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.parse import parse_qs, unquote_plus

CLIENT, SECRET = "relay of the college", "Kd7wq2Lmz9Xv4bTn+ü%"

Reply = Callable[[BaseHTTPRequestHandler], None]


def reply_with(status: int, body: bytes | dict[str, Any] = b"", **headers: str) -> Reply:
    """Returns a function that answers so; a mapping is sent as JSON."""
    content = json.dumps(body).encode() if isinstance(body, dict) else body
    kind = "application/json" if isinstance(body, dict) else "text/html"

    def reply(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(status)
        for name, value in {"Content-Type": kind, "Content-Length": str(len(content)), **headers}.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.end_headers()
        handler.wfile.write(content)

    return reply


class TokenServer:
    """Gives tokens ``token-1``, ``token-2``, … unless ``reply`` answers. ``good``: those that are not withdrawn."""

    def __init__(self) -> None:
        self.url = ""
        self.forms: list[dict[str, str]] = []
        self.granted = 0
        self.good: set[str] = set()
        self.more: dict[str, Any] = {"token_type": "Bearer", "expires_in": 3600}
        self.reply: Reply | None = None

    def settings(self, **more: Any) -> dict[str, Any]:
        """Returns the table for an operator's file, with the secret in clear text."""
        return {
            "scheme": "oauth2", "token_url": self.url, "client_id": CLIENT, "client_secret": SECRET, **more,
        }  # fmt: skip

    def accepts(self, authorization: str | None) -> bool:
        """Tells whether a consumer takes this header."""
        return (authorization or "").removeprefix("Bearer ") in self.good

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        body = handler.rfile.read(int(handler.headers["Content-Length"])).decode()
        form = {name: values[0] for name, values in parse_qs(body).items()}
        if (basic := handler.headers["Authorization"]) is not None:
            client, _, secret = b64decode(basic.removeprefix("Basic ")).decode().partition(":")
            form |= {"basic_id": unquote_plus(client), "basic_secret": unquote_plus(secret)}
        self.forms.append(form)
        if self.reply is not None:
            self.reply(handler)
        elif (CLIENT, SECRET) not in [(form.get(f"{by}_id"), form.get(f"{by}_secret")) for by in ("basic", "client")]:
            reply_with(401, {"error": "invalid_client"})(handler)
        else:
            self.granted += 1
            token = f"token-{self.granted}"
            self.good.add(token)
            reply_with(200, {"access_token": token, **self.more})(handler)


@contextmanager
def serving_tokens() -> Iterator[TokenServer]:
    """Starts a token server on a port of its own."""
    server = TokenServer()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            server.answer(self)

        def log_message(self, *_: Any) -> None:
            pass

    class Quiet(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, *_: Any) -> None:
            """Ignores a client that does not wait."""

    with Quiet(("127.0.0.1", 0), Handler) as http:
        thread = Thread(target=http.serve_forever, args=(0.01,))
        thread.start()
        server.url = f"http://127.0.0.1:{http.server_address[1]}/token"
        try:
            yield server
        finally:
            http.shutdown()
            thread.join()
