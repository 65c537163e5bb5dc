"""Secrets are planted in every place that takes one, and searched for in everything that leaves the process."""

from __future__ import annotations

import base64
import copy
import json
import os
import pickle
import subprocess
import sys
import traceback
from collections.abc import Iterator
from pathlib import Path

import pytest
import trustme
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)  # fmt: skip

from installation import Installation
from learnrelay.auth import Auth
from learnrelay.config.models import Config, Delivery, Destination, Provider
from learnrelay.config.secrets import Secret
from learnrelay.core_auth.constant import BasicAuth
from plain import event, line
from planted import EMIT, PLANTED, Consumer, consuming, leaks
from relay_files import relay_toml

_BASIC = {"scheme": "basic", "username": "relay", "password": "env:PASSWORD"}

_OAUTH2 = {"scheme": "oauth2", "client_id": "relay", "client_secret": "env:CLIENT"}


def config_with(port: int = 9, header: str = "x") -> str:
    """Writes an operator's file with a consumer at a port, for each way to give a secret."""
    url = f"http://127.0.0.1:{port}"
    destinations = {
        "refuses": {"url": f"{url}/400", "auth": _BASIC, "retry": {"attempts": 1}},
        "halts": {"url": f"{url}/401", "auth": {"scheme": "bearer", "token": "file:token"}},
        "takes": {"url": f"{url}/200", "auth": {"scheme": "bearer", "token": header}},
        "nobody": {"url": "http://127.0.0.1:9/", "auth": _BASIC},
        "granted": {
            "url": f"{url}/400", "auth": {**_OAUTH2, "token_url": f"{url}/tokens"}, "retry": {"attempts": 1},
            "headers": {"X-Tenant": "env:TENANT"},
        },
        "denied": {"url": f"{url}/200", "auth": {**_OAUTH2, "token_url": f"{url}/401", "client_auth": "body"}},
    }  # fmt: skip
    return relay_toml(
        ["plain.watching"], destinations, identity={"secret": "env:IDENTITY"},
        delivery={"database": "sqlite:///outbox.db"},
    )  # fmt: skip


@pytest.fixture
def consumer() -> Iterator[int]:
    with consuming() as port:
        yield port


def test_no_secret_leaves_but_in_its_header(plain_installation: Installation, consumer: int, tmp_path: Path) -> None:
    (tmp_path / "relay.toml").write_text(config_with(consumer, PLANTED["header"]), encoding="utf-8")
    (tmp_path / "token").write_text(PLANTED["token"] + "\n", encoding="utf-8")
    (tmp_path / "events.log").write_bytes(line(event()) + line(event(data={})) + b"garbage\n")
    environment = {
        "IDENTITY": PLANTED["identity"], "PASSWORD": PLANTED["password"], "CLIENT": PLANTED["client"],
        "TENANT": PLANTED["tenant"], "LEARNRELAY_CONFIG": str(tmp_path / "relay.toml"),
    }  # fmt: skip
    outputs = b""

    def run(*arguments: str) -> str:
        nonlocal outputs
        done = plain_installation.run("-vv", *arguments, stdin=b"", **environment)
        outputs += b"\n".join([str(arguments).encode(), done.stdout, done.stderr])
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
    outputs += emitting.stdout + emitting.stderr
    run("worker", "--until-empty")
    run("status", "--json")
    run("failed", "list", "--json")
    assert any(PLANTED["token"] in header for header in Consumer.seen), "they were used"
    assert any(PLANTED["header"] in header for header in Consumer.seen)
    assert any(PLANTED["access"] in header for header in Consumer.seen)
    assert any(base64.b64encode(f"relay:{PLANTED['password']}".encode()).decode() in header for header in Consumer.seen)
    assert leaks(outputs) == []
    kept = {path.name: path.read_bytes() for path in tmp_path.iterdir() if path.name not in ("relay.toml", "token")}
    assert {"map.html", "errors.jsonl", "out.jsonl", "outbox.db"} <= kept.keys()
    assert {name: leaks(content) for name, content in kept.items() if leaks(content)} == {}


@pytest.mark.parametrize("key", ["database", "broker"])
@pytest.mark.slow
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
        config = config_with().replace('database = "sqlite:///outbox.db"', f'{engine}{key} = "env:ADDRESS"')
        (tmp_path / "relay.toml").write_text(config, encoding="utf-8")
        (tmp_path / "token").write_text("token", encoding="utf-8")
        for command in ("status", "check", "failed list"):
            known = {"ADDRESS": address, "IDENTITY": "Kd7wq2Lmz9Xv4bTn", "PASSWORD": "p", "CLIENT": "c", "TENANT": "t"}
            done = plain_installation.run(
                "-vv", *command.split(), "--config", str(tmp_path / "relay.toml"), stdin=b"", **known
            )
            assert password.encode() not in done.stdout + done.stderr, command


def test_a_secret_in_clear_text_is_a_warning(plain_installation: Installation, tmp_path: Path) -> None:
    (tmp_path / "token").write_text("token", encoding="utf-8")
    config = config_with().replace(
        'database = "sqlite:///outbox.db"',
        'engine = "celery"\ndatabase = "postgresql+psycopg://relay:hush-pw@127.0.0.1/x"\n'
        'broker = "redis://:hush-pw@127.0.0.1/0"\nalerts = { webhook = "https://hooks.example.org/hush-pw" }',
    )
    (tmp_path / "relay.toml").write_text(config, encoding="utf-8")
    secrets = {"IDENTITY": "Kd7wq2Lmz9Xv4bTn", "PASSWORD": "p", "CLIENT": "c", "TENANT": "t"}
    done = plain_installation.run("check", "--config", str(tmp_path / "relay.toml"), **secrets)
    output = (done.stdout + done.stderr).decode()
    for key in ("delivery.database", "delivery.broker", "delivery.alerts.webhook", "destinations.takes.auth.token"):
        assert f"{key}: a secret stands here in clear text" in output
    assert "identity.secret" not in output
    assert "hush-pw" not in output


def test_a_secret_shows_itself_nowhere() -> None:
    secret = Secret(PLANTED["password"], "env:PASSWORD")
    auth = Auth(BasicAuth, {"username": "relay", "password": secret})
    destination = Destination("one", "plain", "all", settings={"auth": auth})
    delivery = Delivery(database=Secret(f"postgresql://u:{PLANTED['token']}@h/d", "env:DB"), broker=secret)
    identity, courses = Provider("keyed", {"secret": secret}), Provider("none")
    config = Config("https://x.example", "en", "openedx", (), {}, identity, courses, delivery, {"one": destination}, {})
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


def write_certificates(directory: Path) -> None:
    ca = trustme.CA()
    ca.cert_pem.write_to_path(directory / "ca.pem")
    for name in ("relay", "other"):
        made = ca.issue_cert(name)
        made.cert_chain_pems[0].write_to_path(directory / f"{name}.pem")
        made.private_key_pem.write_to_path(directory / f"{name}.key")
    key = load_pem_private_key((directory / "relay.key").read_bytes(), None)
    locked = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"pass"))
    (directory / "locked.key").write_bytes(locked)


@pytest.mark.parametrize(
    ("keys", "problem"),
    [
        ('verify_tls = false\nca_file = "ca.pem"', "has no place beside verify_tls = false"),
        ('client_cert = { cert = "token" }', "client_cert.key: is missing"),
        ('client_cert = { cert = "token", key = "nowhere.pem" }', "there is no file"),
        ('client_cert = { cert = "ca.pem", key = "ca.pem" }', "is no certificate (PEM) that goes with a key"),
        ('client_cert = { cert = "relay.pem", key = "other.key" }', "is no certificate (PEM) that goes with a key"),
        ('client_cert = { cert = "relay.pem", key = "locked.key" }', "with a key without passphrase"),
        ('ca_file = "token"', "ca_file: holds no certificate (PEM)"),
        ('verify_tls = "no"', "expected true or false"),
    ],
)
@pytest.mark.slow
def test_tls_is_verified_unless_written_otherwise(
    keys: str, problem: str, plain_installation: Installation, tmp_path: Path
) -> None:
    config = config_with()
    (tmp_path / "token").write_text("token", encoding="utf-8")
    write_certificates(tmp_path)

    def check(text: str) -> tuple[int, str]:
        (tmp_path / "relay.toml").write_text(text, encoding="utf-8")
        done = plain_installation.run(
            "check",
            "--config",
            str(tmp_path / "relay.toml"),
            IDENTITY="Kd7wq2Lmz9Xv4bTn",
            PASSWORD="p",
            CLIENT="c",
            TENANT="t",
        )
        return done.returncode, done.stderr.decode()

    code, messages = check(config.replace('scope = "all"', f'scope = "all"\n{keys}', 1))
    assert code == 2
    assert problem in messages
    code, messages = check(config.replace('scope = "all"', 'scope = "all"\nverify_tls = false', 1))
    assert (code, "certificates are not checked" in messages) == (0, True)
    assert "without TLS" not in messages, "they do not leave this machine"
    good = 'scope = "all"\nca_file = "ca.pem"\nclient_cert = { cert = "relay.pem", key = "relay.key" }'
    code, messages = check(config.replace('scope = "all"', good, 1))
    assert (code, "certificates" in messages) == (0, False)
