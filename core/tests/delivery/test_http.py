"""The way to a consumer: whom it trusts, who it says it is, and what a consumer cannot make it do."""

from __future__ import annotations

import datetime
import http.server
import socket
import ssl
import threading
import time
import warnings
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
import trustme

from learnrelay.config.secrets import Secret
from learnrelay.core_auth.constant import BearerAuth
from learnrelay.core_sinks.http_client import ANSWER_LIMIT, Client, NoAnswerError
from learnrelay.standards import Answer, Request

TOKEN = "hush-Scorzonera-1"
REFUSED = "TLS failed"

Reply = Callable[[http.server.BaseHTTPRequestHandler], None]


def said(handler: http.server.BaseHTTPRequestHandler, status: int, body: bytes = b"", **headers: str) -> None:
    handler.send_response(status)
    for name, value in {"Content-Length": str(len(body)), **headers}.items():
        handler.send_header(name.replace("_", "-"), value)
    handler.end_headers()
    handler.wfile.write(body)


class Server:
    """Notes the headers of each request; ``reply`` says what it answers."""

    def __init__(self) -> None:
        self.requests: list[dict[str, str]] = []
        self.peers: list[Any] = []
        self.reply: Reply = lambda handler: said(handler, 200, b"[]")
        self.url = ""


@contextmanager
def serving(tls: ssl.SSLContext | None = None, host: str = "localhost") -> Iterator[Server]:
    known = Server()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", "0")))
            known.requests.append(dict(self.headers))
            if isinstance(self.connection, ssl.SSLSocket):
                known.peers.append(self.connection.getpeercert())
            known.reply(self)

        do_GET = do_POST

        def log_message(self, *_: Any) -> None:
            pass

    class Quiet(http.server.ThreadingHTTPServer):
        def get_request(self) -> Any:
            connection, address = super().get_request()
            return (tls.wrap_socket(connection, server_side=True, do_handshake_on_connect=False) if tls else connection,
                    address)  # fmt: skip

        def handle_error(self, *_: Any) -> None:
            """Ignores a handshake that the client broke off."""

    with Quiet(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,)).start()
        known.url = f"{'https' if tls else 'http'}://{host}:{server.server_address[1]}/statements"
        try:
            yield known
        finally:
            server.shutdown()


def server_side(ca: trustme.CA, name: str = "localhost", clients_of: trustme.CA | None = None, **cert: Any) -> Any:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ca.issue_cert(name, **cert).configure_cert(context)
    if clients_of is not None:
        context.verify_mode = ssl.CERT_REQUIRED
        clients_of.configure_trust(context)
    return context


def post(url: str, timeout: float = 60.0, **settings: Any) -> Answer:
    client = Client(url, timeout, BearerAuth({"token": Secret(TOKEN)}), **settings)
    try:
        return client.post(Request(b"[]", {"Content-Type": "application/json"}))
    finally:
        client.close()


@pytest.fixture(scope="module")
def ours() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def ca_file(ours: trustme.CA, tmp_path: Path) -> str:
    ours.cert_pem.write_to_path(tmp_path / "ca.pem")
    return str(tmp_path / "ca.pem")


def test_a_private_authority_is_trusted_where_it_is_named(ours: trustme.CA, ca_file: str) -> None:
    with serving(server_side(ours)) as server:
        assert post(server.url, verify=ca_file).status == 200
        assert server.requests[0]["Authorization"] == f"Bearer {TOKEN}"
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            assert post(server.url, verify=False).status == 200, "only where it is written, and without a word"


@pytest.mark.parametrize("case", ["unknown authority", "another authority", "another host", "expired", "plain http"])
def test_no_credential_goes_to_who_cannot_prove_its_name(case: str, ours: trustme.CA, ca_file: str) -> None:
    longago = datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC)
    tls = {
        "unknown authority": lambda: server_side(ours),
        "another authority": lambda: server_side(trustme.CA()),
        "another host": lambda: server_side(ours, "lrs.example.org"),
        "expired": lambda: server_side(ours, not_before=longago, not_after=longago + datetime.timedelta(1)),
        "plain http": lambda: None,
    }[case]()
    with serving(tls) as server:
        with pytest.raises(NoAnswerError) as caught:
            post(
                server.url.replace("http:", "https:"),
                **({} if case == "unknown authority" else {"verify": ca_file}),
            )
        assert REFUSED in str(caught.value)
        assert not caught.value.sent
        assert server.requests == []
        assert TOKEN not in str(caught.value)


def test_the_environment_trusts_nobody(
    ours: trustme.CA, ca_file: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What other programs of the machine trust, and the passwords in ~/.netrc, are not for this one."""
    (tmp_path / ".netrc").write_text("machine localhost login other password other", encoding="utf-8")
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.setenv(name, ca_file)
    with serving(server_side(ours)) as server:
        with pytest.raises(NoAnswerError, match=REFUSED):
            post(server.url)
        client = Client(server.url, 30.0, verify=ca_file)
        assert client.get({}).status == 200
        assert "Authorization" not in server.requests[0]
        client.close()


def test_a_client_certificate_proves_who_we_are(ours: trustme.CA, ca_file: str, tmp_path: Path) -> None:
    clients, others = trustme.CA(), trustme.CA()

    def pair(ca: trustme.CA) -> tuple[str, str]:
        cert, key = tmp_path / f"{id(ca)}.pem", tmp_path / f"{id(ca)}.key"
        made = ca.issue_cert("relay@learn.example.org")
        made.cert_chain_pems[0].write_to_path(cert)
        made.private_key_pem.write_to_path(key)
        return str(cert), str(key)

    with serving(server_side(ours, clients_of=clients)) as server:
        assert post(server.url, verify=ca_file, client_cert=pair(clients)).status == 200
        assert ("email", "relay@learn.example.org") in server.peers[0]["subjectAltName"]
        for settings in ({}, {"client_cert": pair(others)}):
            with pytest.raises(NoAnswerError):
                post(server.url, verify=ca_file, **settings)
        assert len(server.requests) == 1


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_no_redirect_is_followed(status: int) -> None:
    with serving() as server, serving(host="127.0.0.1") as elsewhere:
        for target in (elsewhere.url, server.url + "/more"):
            server.reply = lambda handler, target=target: said(handler, status, b"moved", Location=target)  # type: ignore[misc]
            assert post(server.url).status == status
        assert elsewhere.requests == []
        assert len(server.requests) == 2


def test_an_answer_is_read_up_to_a_limit_however_it_is_packed() -> None:
    def endless(handler: http.server.BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.end_headers()
        while True:
            handler.wfile.write(b"x" * 65536)

    def packed(handler: http.server.BaseHTTPRequestHandler) -> None:
        pack = zlib.compressobj(9, zlib.DEFLATED, 31)
        said(handler, 200, pack.compress(b"x" * ANSWER_LIMIT * 50) + pack.flush(), Content_Encoding="gzip")

    with serving() as server:
        for reply in (endless, packed):
            server.reply = reply
            assert post(server.url).body == b"x" * ANSWER_LIMIT


@contextmanager
def dripping(head: bytes, drip: bytes, reads: bool = True) -> Iterator[str]:
    """A server that takes connections, sends ``head`` at once and ``drip`` ten times a second for ever."""
    stop = threading.Event()

    def answer(connection: socket.socket) -> None:
        with connection, suppress(OSError):
            if reads:
                connection.recv(65536)
            connection.sendall(head)
            while not stop.wait(0.1):
                connection.sendall(drip)

    def accept() -> None:
        with suppress(OSError):
            while True:
                connection, _ = listener.accept()
                threading.Thread(target=answer, args=(connection,), daemon=True).start()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=accept, daemon=True).start()
        yield f"127.0.0.1:{listener.getsockname()[1]}"
        stop.set()
        listener.shutdown(socket.SHUT_RDWR)


DRIPS = {
    "status line": (b"", b"H"),
    "headers": (b"HTTP/1.1 200 OK\r\n", b"X-More: x\r\n"),
    "one header": (b"HTTP/1.1 200 OK\r\nX-Long: ", b"x"),
    "interim answers": (b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
    "body": (b"HTTP/1.1 200 OK\r\n\r\n", b"x"),
    "chunks": (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n"),
    "trailers": (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n", b"X-More: x\r\n"),
    "a chunk's size": (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"0"),
}


@pytest.mark.parametrize("part", DRIPS)
def test_an_answer_that_trickles_in_costs_no_more_than_its_time_and_is_none(part: str) -> None:
    with dripping(*DRIPS[part]) as address:
        started = time.monotonic()
        with pytest.raises(NoAnswerError, match=r"no answer within 0\.5 s") as caught:
            post(f"http://{address}/statements", timeout=0.5)
        assert caught.value.sent and time.monotonic() - started < 2


def test_a_handshake_that_trickles_in_costs_no_more_than_its_time() -> None:
    with dripping(b"\x16\x03\x03\x40\x00\x02\x00\x3f\xfc\x03\x03", b"x") as address:
        started = time.monotonic()
        with pytest.raises(NoAnswerError):
            post(f"https://{address}/statements", timeout=0.5)
        assert time.monotonic() - started < 2


@pytest.mark.parametrize(("scheme", "part"), [("http", "headers"), ("https", "headers"), ("https", "one header")])
def test_a_proxy_that_trickles_costs_no_more_than_its_time(
    scheme: str, part: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with dripping(*DRIPS[part]) as address:
        monkeypatch.setenv(f"{scheme}_proxy", f"http://{address}")
        started = time.monotonic()
        with pytest.raises(NoAnswerError):
            post(f"{scheme}://lrs.example.org/statements", timeout=0.5)
        assert time.monotonic() - started < 2


@pytest.mark.parametrize("tls", [False, True])
def test_a_consumer_that_reads_slowly_costs_no_more_than_its_time(tls: bool, ours: trustme.CA, ca_file: str) -> None:
    context = server_side(ours)
    stop = threading.Event()

    def read_slowly() -> None:
        with suppress(OSError):
            connection, _ = listener.accept()
            with context.wrap_socket(connection, server_side=True) if tls else connection as stream:
                while not stop.wait(0.1):
                    stream.recv(64 * 1024)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=read_slowly, daemon=True).start()
        scheme = "https" if tls else "http"
        url = f"{scheme}://localhost:{listener.getsockname()[1]}/statements"
        started = time.monotonic()
        with pytest.raises(NoAnswerError, match=r"no answer within 0\.5 s"):
            Client(url, 0.5, verify=ca_file if tls else True).post(Request(b"x" * 50_000_000, {}))
        stop.set()
        assert time.monotonic() - started < 2


def test_a_connection_that_is_kept_has_a_deadline_for_each_request() -> None:
    with serving() as server:
        client = Client(server.url, 0.5)
        for _ in range(3):
            assert client.post(Request(b"[]", {})).status == 200
            time.sleep(0.3)
        client.close()
