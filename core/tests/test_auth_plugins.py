"""An auth scheme of a third party: installed, named by a destination, and used for each request."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from installation import Installation
from plain import event, line
from relay_files import relay_toml

SCHEME = """
import hashlib
import hmac

from learnrelay import hookimpl
from learnrelay.auth import AuthScheme
from learnrelay.config.fields import SecretText, Section, Text


class SignatureSettings(Section):
    key_id = Text(required=True)
    key = SecretText(required=True)


class SignedRequests(AuthScheme):
    name = "acme_signature"
    settings_schema = SignatureSettings

    def headers(self, request):
        signature = hmac.new(self.settings["key"].reveal().encode(), request.body, hashlib.sha256).hexdigest()
        return {"Authorization": f"Acme {self.settings['key_id']}:{signature}"}


class Auth:
    @hookimpl
    def register_auth_schemes(self, register):
        register(SignedRequests)


auth = Auth()
PlainStandard.probe = lambda self: {"X-Plain-Version": "1"}
"""
KEY = "Kd7wq2Lmz9Xv4bTn"
AUTH = {"scheme": "acme_signature", "key_id": "relay", "key": "env:KEY"}
POINTS = {
    "learnrelay.standards.v1": {"plain": "acme_plain:plugin"},
    "learnrelay.families.v1": {"plain.watching": "acme_plain:family"},
    "learnrelay.auth.v1": {
        "acme_signature": "acme_plain:auth",
        "acme_broken": "acme_nowhere:auth",
        "acme_other": "acme_plain:auth",
    },
}


@pytest.fixture(scope="module")
def signing(tmp_path_factory: pytest.TempPathFactory) -> Installation:
    made = Installation(tmp_path_factory.mktemp("signing"))
    source = Path(__file__).with_name("plain.py").read_text(encoding="utf-8")
    made.install("acme-plain", POINTS, f"{source}\nplugin = PlainPlugin()\n{SCHEME}")
    return made


@pytest.fixture
def consumer() -> Iterator[tuple[str, list[bool]]]:
    """Yields the address of a consumer, and whether each request was signed as it must be."""
    signed: list[bool] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
            signature = hmac.new(KEY.encode(), body, hashlib.sha256).hexdigest()
            signed.append(self.headers["Authorization"] == f"Acme relay:{signature}")
            self.send_response(200 if signed[-1] else 401)
            self.send_header("Content-Length", "0")
            self.end_headers()

        do_GET = do_POST

        def log_message(self, *_: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        Thread(target=server.serve_forever, args=(0.01,)).start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}/statements", signed
        finally:
            server.shutdown()


def write(directory: Path, **destination: Any) -> Path:
    path = directory / "relay.toml"
    path.write_text(
        relay_toml(["plain.watching"], {"main": destination}, delivery={"database": "sqlite:///outbox.db"}), "utf-8"
    )
    return path


def test_a_destination_enables_a_scheme_that_signs_each_request(
    signing: Installation, consumer: tuple[str, list[bool]], tmp_path: Path
) -> None:
    url, signed = consumer
    config = write(tmp_path, url=url, auth=AUTH)
    secrets = {"SECRET": "Mz9Xv4bTnKd7wq2L", "KEY": KEY}
    listed = json.loads(signing.run("plugins", "--config", config, "--json", **secrets).stdout)
    states = {plugin["name"]: (plugin["kind"], plugin["state"], plugin["reason"]) for plugin in listed}
    assert states["acme_signature"] == ("auth", "active", "")
    assert states["acme_broken"] == ("auth", "disabled", "auth = { scheme = … } of a destination enables it")
    checked = signing.run("check", "--config", config, "--connect", **secrets)
    assert checked.returncode == 0, checked.stderr.decode()
    log = tmp_path / "events.log"
    log.write_bytes(line(event()))
    replayed = signing.run("replay", log, "--config", config, "--processes", "1", **secrets)
    assert replayed.returncode == 0, replayed.stderr.decode()
    assert signed == [True, True], "the probe, and the statements"
    for output in (checked.stdout, checked.stderr, replayed.stdout, replayed.stderr):
        assert KEY.encode() not in output


@pytest.mark.parametrize(
    ("auth", "key", "reason"),
    [
        ({**AUTH, "scheme": "acme_broken"}, "destinations.main.auth.scheme", "cannot be imported: ModuleNotFoundError"),
        (
            {**AUTH, "scheme": "acme_signatur"},
            "destinations.main.auth.scheme",
            "no such auth scheme is installed; known: none, basic, bearer, header, oauth2, acme_broken, acme_other, "
            'acme_signature; did you mean "acme_signature"?',
        ),
        (
            {**AUTH, "scheme": "acme_other"},
            "destinations.main.auth.scheme",
            'acme-plain 1.0 contributes no auth scheme with the name "acme_other"',
        ),
        ({**AUTH, "kee": "x"}, "destinations.main.auth.kee", 'of scheme "acme_signature"; did you mean "key"?'),
        ({**AUTH, "key": "env:NOT_SET"}, "destinations.main.auth.key", "environment variable NOT_SET is not set"),
    ],
)  # fmt: skip
def test_a_scheme_that_cannot_be_used_stops_the_relay(
    auth: dict[str, Any], key: str, reason: str, signing: Installation, tmp_path: Path
) -> None:
    config = write(tmp_path, url="https://lrs.example.org", auth=auth)
    done = signing.run("check", "--config", config, "--json", SECRET="Mz9Xv4bTnKd7wq2L", KEY=KEY)
    assert done.returncode == 2
    (problem,) = json.loads(done.stdout)["problems"]
    assert problem["key"] == key
    assert reason in problem["reason"]


def test_headers_of_the_protocol_are_the_standard_s(signing: Installation, tmp_path: Path) -> None:
    headers = {"X-Plain-version": "9", "X-Tenant": "harbour"}
    config = write(tmp_path, url="https://lrs.example.org", headers=headers)
    done = signing.run("check", "--config", config, "--json", SECRET="Mz9Xv4bTnKd7wq2L")
    (problem,) = json.loads(done.stdout)["problems"]
    assert (problem["key"], problem["reason"]) == (
        "destinations.main.headers.X-Plain-version", "is set by the protocol of plain"
    )  # fmt: skip
