"""Secrets are planted in every place that takes one, and searched for in everything that leaves the process."""

from __future__ import annotations

import base64
import copy
import json
import os
import pickle
import subprocess
import sys
import threading
import traceback
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import quote

import pytest

from installation import Installation
from learnrelay.config.models import Auth, Config, Delivery, Destination, Provider
from learnrelay.secrets import Secret
from plain import event, line

PLANTED = {
    "identity": "identity-Kohlrabi-0123456789",
    "password": "password-Rutabaga/?#é",
    "token": "token-Salsify-987654321",
    "header": "clear-Celeriac-55555",
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

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.seen.append(self.headers["Authorization"] or "")
        self.send_response(int(self.path[1:]))
        told = b"refused: " + str(self.headers).encode() + body
        self.send_header("Content-Length", str(len(told)))
        self.end_headers()
        self.wfile.write(told)

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def consumer() -> Iterator[int]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Consumer)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server.server_address[1]
    server.shutdown()
    thread.join()
    server.server_close()


CONFIG = """
[platform]
root_url = "https://learn.example.org"
[plugins]
enabled = ["plain.watching"]
[identity]
provider = "keyed"
secret = "env:IDENTITY"
[delivery]
database = "sqlite:///outbox.db"
[destinations.refuses]
standard = "plain"
url = "http://127.0.0.1:{port}/400"
scope = "all"
auth = {{ scheme = "basic", username = "relay", password = "env:PASSWORD" }}
retry = {{ attempts = 1 }}
[destinations.halts]
standard = "plain"
url = "http://127.0.0.1:{port}/401"
scope = "all"
auth = {{ scheme = "bearer", token = "file:token" }}
[destinations.takes]
standard = "plain"
url = "http://127.0.0.1:{port}/200"
scope = "all"
auth = {{ scheme = "bearer", token = "{header}" }}
[destinations.nobody]
standard = "plain"
url = "http://127.0.0.1:9/"
scope = "all"
auth = {{ scheme = "basic", username = "relay", password = "env:PASSWORD" }}
"""


EMIT = """
import logging, os, sys
from learnrelay import Relay
logging.basicConfig(level=logging.DEBUG)
with Relay.from_file(os.environ["LEARNRELAY_CONFIG"]) as relay:
    for line in open(sys.argv[1], "rb"):
        print(relay.emit(line), repr(relay.assembly.config))
"""


def test_no_secret_leaves_but_in_its_header(plain_installation: Installation, consumer: int, tmp_path: Path) -> None:
    (tmp_path / "relay.toml").write_text(CONFIG.format(port=consumer, header=PLANTED["header"]), encoding="utf-8")
    (tmp_path / "token").write_text(PLANTED["token"] + "\n", encoding="utf-8")
    (tmp_path / "events.log").write_bytes(line(event()) + line(event(data={})) + b"garbage\n")
    environment = {
        "IDENTITY": PLANTED["identity"], "PASSWORD": PLANTED["password"],
        "LEARNRELAY_CONFIG": str(tmp_path / "relay.toml"),
    }  # fmt: skip
    told = b""

    def run(*arguments: str) -> str:
        nonlocal told
        done = plain_installation.run("-vv", *arguments, stdin=b"", **environment)
        told += b"\n".join([str(arguments).encode(), done.stdout, done.stderr])
        assert b"Traceback" not in done.stderr, done.stderr.decode()
        return done.stdout.decode()

    log = str(tmp_path / "events.log")
    run("check", "--json")
    run("check", "--connect")
    run("plugins")
    run("privacy", "--json", "--html", str(tmp_path / "map.html"))
    run("explain", log)
    run("transform", log, "--errors", str(tmp_path / "errors.jsonl"), "--output", str(tmp_path / "out.jsonl"))
    emitting = subprocess.run(
        [sys.executable, "-c", EMIT, log],
        env={**os.environ, **environment, "PYTHONPATH": str(plain_installation.site)},
        capture_output=True, timeout=60, check=True, cwd=tmp_path,
    )  # fmt: skip
    told += emitting.stdout + emitting.stderr
    run("worker", "--until-empty")
    run("status", "--json")
    run("failed", "list", "--json")
    assert any(PLANTED["token"] in header for header in Consumer.seen), "they were used"
    assert any(PLANTED["header"] in header for header in Consumer.seen)
    assert any(base64.b64encode(f"relay:{PLANTED['password']}".encode()).decode() in header for header in Consumer.seen)
    assert leaks(told) == []
    kept = {path.name: path.read_bytes() for path in tmp_path.iterdir() if path.name not in ("relay.toml", "token")}
    assert {"map.html", "errors.jsonl", "out.jsonl", "outbox.db"} <= kept.keys()
    assert {name: leaks(content) for name, content in kept.items() if leaks(content)} == {}


@pytest.mark.parametrize("key", ["database", "broker"])
def test_no_address_with_a_password_is_shown_when_it_is_wrong(
    key: str, plain_installation: Installation, tmp_path: Path
) -> None:
    password = "hush-Mangelwurzel-1"
    for address in (
        f"postgresql+psycopg://relay:{password}@127.0.0.1:9/none",
        f"nonsense:{password}",
        f"x://y:{password}@",
    ):
        engine = 'engine = "celery"\n' if key == "broker" else ""
        config = CONFIG.format(port=9, header="x").replace(
            'database = "sqlite:///outbox.db"', f'{engine}{key} = "env:ADDRESS"'
        )
        (tmp_path / "relay.toml").write_text(config, encoding="utf-8")
        (tmp_path / "token").write_text("token", encoding="utf-8")
        for command in ("status", "check", "failed list"):
            known = {"ADDRESS": address, "IDENTITY": "s" * 32, "PASSWORD": "p"}
            done = plain_installation.run(
                "-vv", *command.split(), "--config", str(tmp_path / "relay.toml"), stdin=b"", **known
            )
            assert password.encode() not in done.stdout + done.stderr, command


def test_a_secret_shows_itself_nowhere() -> None:
    secret = Secret(PLANTED["password"], "env:PASSWORD")
    destination = Destination("one", "plain", "https://one.example", "all", Auth("basic", "relay", secret))
    delivery = Delivery(database=Secret(f"postgresql://u:{PLANTED['token']}@h/d", "env:DB"), broker=secret)
    identity, courses = Provider("keyed", {"secret": secret}), Provider("none")
    config = Config("https://x.example", (), {}, identity, courses, delivery, {"one": destination}, {})
    shown = [repr(config), str(config), f"{secret} {secret!r} {secret!s}", f"%s {vars(Provider)}" % secret]
    try:
        raise KeyError(config, secret)  # in its arguments, and in the locals beside it
    except KeyError as error:
        shown += traceback.TracebackException.from_exception(error, capture_locals=True).format()
    assert leaks("".join(shown).encode()) == []
    assert "Secret(env:PASSWORD)" in shown[0]
    for travel in (pickle.dumps, copy.deepcopy, json.dumps):
        with pytest.raises(TypeError) as caught:
            travel(secret)
        assert leaks(str(caught.value).encode()) == []
    assert secret.reveal() == PLANTED["password"]


@pytest.mark.parametrize(
    ("keys", "problem"),
    [
        ('verify_tls = false\nca_file = "token"', "has no place beside verify_tls = false"),
        ('client_cert = { cert = "token" }', "client_cert.key: is missing"),
        ('client_cert = { cert = "token", key = "nowhere.pem" }', "there is no file"),
        ('verify_tls = "no"', "expected true or false"),
    ],
)
def test_tls_is_verified_unless_written_otherwise(
    keys: str, problem: str, plain_installation: Installation, tmp_path: Path
) -> None:
    config = CONFIG.format(port=9, header="x")
    (tmp_path / "token").write_text("token", encoding="utf-8")

    def check(text: str) -> tuple[int, str]:
        (tmp_path / "relay.toml").write_text(text, encoding="utf-8")
        done = plain_installation.run(
            "check", "--config", str(tmp_path / "relay.toml"), IDENTITY="s" * 32, PASSWORD="p"
        )
        return done.returncode, done.stderr.decode()

    code, told = check(config.replace('scope = "all"', f'scope = "all"\n{keys}', 1))
    assert code == 2
    assert problem in told
    code, told = check(config.replace('scope = "all"', 'scope = "all"\nverify_tls = false', 1))
    assert (code, "certificates are not checked" in told) == (0, True)
    good = 'scope = "all"\nca_file = "token"\nclient_cert = { cert = "token", key = "token" }'
    code, told = check(config.replace('scope = "all"', good, 1))
    assert (code, "certificates" in told) == (0, False)
