"""A server, or what stands in its place, neither fills the memory nor speaks to the terminal."""

from __future__ import annotations

from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
from click.testing import CliRunner

from learnrelay.cli import cli
from learnrelay.errors import SinkError

from .conftest import PASSWORD, make_sink

PIECE = b"10000\r\n" + b"x" * 0x10000 + b"\r\n"


class Hostile(BaseHTTPRequestHandler):
    """Answers /endless without an end, and all else with an error in words for a terminal."""

    pieces_sent = 0

    def do_GET(self) -> None:
        self.do_POST()

    def do_POST(self) -> None:
        if not self.path.startswith("/endless"):
            words = b"Code: 60. DB::Exception: \x1b[2Jforged\x9b (UNKNOWN_TABLE)"
            self.send_response(404)
            self.send_header("X-ClickHouse-Exception-Code", "60")
            self.send_header("Content-Length", str(len(words)))
            self.end_headers()
            self.wfile.write(words)
            return
        self.protocol_version = "HTTP/1.1"
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        while Hostile.pieces_sent < 2_000:
            self.wfile.write(PIECE)
            Hostile.pieces_sent += 1

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def url() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Hostile)
    Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_an_answer_without_an_end_is_left(url: str) -> None:
    with pytest.raises(SinkError, match="no answer"):
        make_sink(f"{url}/endless", timeout=20.0).open()
    assert Hostile.pieces_sent < 500, "32 MiB: what is under way in buffers counts too"


def test_words_of_the_server_reach_no_terminal(url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET", "Vb3xq8Rtz5Lk2mWn7Yc4Hd9Pf6Js1Gu0")
    monkeypatch.setenv("CLICKHOUSE_PASSWORD", PASSWORD)
    file = tmp_path / "relay.toml"
    file.write_text(CONFIG.format(url=url))
    done = CliRunner().invoke(cli, ["clickhouse", "init", "-c", str(file)])
    assert done.exit_code == 1
    assert r"\x1b[2Jforged" in done.output
    assert not {"\x1b", "\x9b"} & set(done.output)


CONFIG = """
[platform]
root_url = "https://learn.example.org"
[plugins]
enabled = ["xapi.*"]
[identity]
provider = "keyed"
secret = "env:SECRET"
[destinations.rows]
standard = "xapi"
scope = "all"
sink = "clickhouse"
url = "{url}"
table = "openedx.rows"
auth = {{ scheme = "basic", username = "relay", password = "env:CLICKHOUSE_PASSWORD" }}
"""
