"""The operator's file: every mistake is told, all at once, with file, key, reason and cure."""

from __future__ import annotations

import json
import random
import string
import time
from pathlib import Path

import pytest
from marshmallow import ValidationError

from installation import Installation
from learnrelay.config.fields import Language
from learnrelay.config.schema import TelemetrySection
from learnrelay.config.secrets import estimate_bits
from relay_files import relay_toml

SOUND = """
[platform]
root_url = "https://learn.example.org/"
[plugins]
enabled = ["plain.*"]
[identity]
provider = "keyed"
secret = "env:SECRET"
[delivery]
database = "sqlite:///var/outbox.db"
[destinations.main]
standard = "plain"
url = "https://lrs.example.org/statements"
scope = "all"
auth = { scheme = "basic", username = "relay", password = "file:password.txt" }
match = { "context.org_id" = ["Harbour", "Linden"], "data.at" = 3 }
batch = { size = 10, interval = "250ms" }
retry = { attempts = 3, backoff = "1s", ceiling = "1m" }
"""

BROKEN = """
colour = "blue"
[platfrom]
root_url = "https://learn.example.org"
[plugins]
enabled = ["plain.watching", "plain.wacthing"]
prefer = { "plain:watched" = "plain.nobody" }
[identity]
provider = "keyed"
secrett = "env:SECRET"
[courses]
provider = "tabel"
[plain]
style = "shrot"
[delivery]
engine = "celerry"
outbox = "sqlite:///x.db"
limit = "many"
[destinations.main]
standard = "plane"
url = "lrs.example.org"
scope = { orgg = "Harbour" }
auth = { scheme = "basic", username = "relay", password = "env:NOT_SET_ANYWHERE" }
batch = { sise = 10 }
[destinations.other]
standard = "plain"
url = "https://relay:hush-hush@lrs.example.org"
retry = { backoff = 2 }
timeout = "soon"
[destinations.third]
scope = "everything"
"""

TOLD = {
    "colour": "unknown key",
    "platform": "is missing",
    "platfrom": 'did you mean "platform"?',
    "plugins.enabled": "did you mean plain.watching?",
    "plugins.prefer.plain:watched": "no enabled family plain.nobody maps this event",
    "identity.secret": "is missing",
    "identity.secrett": 'unknown key; did you mean "secret"?',
    "courses.provider": 'did you mean "table"?',
    "plain.style": 'expected one of "short", "long"; did you mean "short"?',
    "delivery.engine": 'did you mean "celery"?',
    "delivery.limit": "expected a whole number, found text",
    "delivery.outbox": "unknown key; known are alerts, broker, critical, database, engine",
    "destinations.main.standard": "no enabled plugin brings this standard",
    "destinations.main.scope.orgg": "no enabled plugin knows this scope",
    "destinations.third.standard": "is missing",
    "destinations.third.url": "is missing",
    "destinations.third.scope": 'expected "all" or a table',
    "destinations.main.url": "expected an address",
    "destinations.main.auth.password": "environment variable NOT_SET_ANYWHERE is not set",
    "destinations.main.batch.sise": 'did you mean "size"?',
    "destinations.other.url": "must not hold credentials",
    "destinations.other.scope": "is missing: say whom it stands for",
    "destinations.other.retry.backoff": "expected a time span",
    "destinations.other.timeout": "expected a time span",
}


def test_a_sound_file(plain_installation: Installation, tmp_path: Path) -> None:
    (tmp_path / "password.txt").write_text("pass-word-word\n")
    config = tmp_path / "relay.toml"
    config.write_text(SOUND)
    done = plain_installation.run("check", "--config", config, SECRET="Kd7wq2Lmz9Xv4bTn")
    assert done.returncode == 0, done.stderr.decode()
    assert b"sound" in done.stdout
    assert b"pass-word-word" not in done.stdout + done.stderr
    assert not (tmp_path / "var").exists(), "checking opens no database"
    clear = SOUND.replace("env:SECRET", "a secret in clear text")
    config.write_text(clear)
    done = plain_installation.run("check", "--config", config)
    assert (done.returncode, b"identity.secret: a secret stands here in clear text" in done.stderr) == (0, True)
    assert b"a secret in clear text;" not in done.stderr


@pytest.mark.parametrize(
    ("address", "reason"),
    [
        ("https://learn.example.org/", ""),
        ("", "platform.root_url: environment variable ROOT is not set or empty"),
        ("learn.example.org", 'platform.root_url: env:ROOT: expected an address such as "https://lms.example.org"'),
    ],
)
def test_the_address_of_the_platform_may_be_in_a_variable(
    address: str, reason: str, plain_installation: Installation, tmp_path: Path
) -> None:
    (tmp_path / "password.txt").write_text("pass-word-word\n")
    config = tmp_path / "relay.toml"
    config.write_text(SOUND.replace('"https://learn.example.org/"', '"env:ROOT"'))
    done = plain_installation.run("check", "--config", config, SECRET="Kd7wq2Lmz9Xv4bTn", ROOT=address)
    assert (done.returncode, reason in done.stderr.decode()) == (2 if reason else 0, True), done.stderr.decode()


def test_all_mistakes_are_reported_at_once(plain_installation: Installation, tmp_path: Path) -> None:
    config = tmp_path / "relay.toml"
    config.write_text(BROKEN)
    done = plain_installation.run("check", "--config", config, "--json")
    assert done.returncode == 2
    problems = {problem["key"]: problem for problem in json.loads(done.stdout)["problems"]}
    for key, reason in TOLD.items():
        assert key in problems, (key, sorted(problems))
        assert reason in problems[key]["reason"], problems[key]
        assert problems[key]["file"] == str(config)
    assert not (left := problems.keys() - TOLD.keys()), left
    done = plain_installation.run("check", "--config", config)
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == len(problems)
    assert b"hush-hush" not in done.stderr


ODD = relay_toml(
    destinations={
        "fast": {"url": "https://lrs.example.org/", "retry": {"backoff": "0s"}},
        "long": {"url": "https://lrs.example.org/", "retry": {"backoff": "1h", "ceiling": "1s"}},
        "loud": {"url": "https://lrs.example.org/", "standard": "PLAIN"},
        "soon": {"url": "https://lrs.example.org/", "timeout": "10"},
    },
    delivery={"critical": [3], "alerts": {"webhook": "ftp://alerts.example.org/"}},
)
CURES = {
    "destinations.fast.retry.backoff": "must be at least 10ms",
    "destinations.long.retry.ceiling": "must be at least as long as backoff",
    "destinations.loud.standard": 'did you mean "plain"?',
    "destinations.soon.timeout": 'expected a time span such as "2s", "15m" or "1h", found another text',
    "delivery.critical": "expected a list of texts, found one with a number in it",
    "delivery.alerts.webhook": 'expected an address that begins with "https://" or "http://"',
}


def test_what_would_do_harm_later_is_refused_now(plain_installation: Installation, tmp_path: Path) -> None:
    (tmp_path / "relay.toml").write_text(ODD)
    done = plain_installation.run("check", "--config", tmp_path / "relay.toml", "--json", SECRET="Kd7wq2Lmz9Xv4bTn")
    problems = {problem["key"]: problem["reason"] for problem in json.loads(done.stdout)["problems"]}
    assert problems.keys() == CURES.keys()
    for key, cure in CURES.items():
        assert cure in problems[key], (key, problems[key])


def test_what_is_legal_and_odd_is_warned_of(plain_installation: Installation, tmp_path: Path) -> None:
    (tmp_path / "relay.toml").write_text(
        relay_toml(
            destinations={
                "main": {
                    "url": "http://127.0.0.1:8080/",
                    "auth": {"scheme": "bearer", "token": "env:SECRET"},
                    "match": {"context.org_id": ["Harbour", "Bay*", "glob:Lin*"]},
                },
                "far": {"url": "http://lrs.example.org/", "auth": {"scheme": "bearer", "token": "env:SECRET"}},
            }
        )
    )
    done = plain_installation.run("check", "--config", tmp_path / "relay.toml", SECRET="Kd7wq2Lmz9Xv4bTn")
    assert done.returncode == 0
    warnings = done.stderr.decode()
    assert '"Bay*" is this very text; a pattern is written "glob:Bay*"' in warnings and '"glob:glob:' not in warnings
    assert "destinations.far.url: credentials travel without TLS" in warnings
    assert "destinations.main.url" not in warnings, "they do not leave the machine"


def test_a_missing_driver_is_a_problem_of_the_file_when_asked_to_connect_too(
    plain_installation: Installation, tmp_path: Path
) -> None:
    (tmp_path / "psycopg").mkdir()
    (tmp_path / "psycopg/__init__.py").write_text("raise ImportError")
    (tmp_path / "relay.toml").write_text(relay_toml(delivery={"database": "postgresql://h/d"}))
    path = f"{tmp_path}:{plain_installation.site}"
    for arguments in ((), ("--connect",)):
        done = plain_installation.run(
            "check",
            "--config",
            tmp_path / "relay.toml",
            "--json",
            *arguments,
            SECRET="Kd7wq2Lmz9Xv4bTn",
            PYTHONPATH=path,
        )
        assert done.returncode == 2
        assert [problem["key"] for problem in json.loads(done.stdout)["problems"]] == ["delivery.database"]


def test_a_missing_library_for_telemetry_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def find_nothing(name: str) -> None:
        raise ModuleNotFoundError(name)  # as where the package above a module is missing

    monkeypatch.setattr("learnrelay.config.schema.find_spec", find_nothing)
    with pytest.raises(ValidationError, match=r'pip install "learnrelay\[otel\]"'):
        TelemetrySection().load({"endpoint": "http://127.0.0.1:4318"})


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("[platform\n", "not valid TOML"),
        ("a = 1\na = 2", "not valid TOML"),
        ("\xff", "not valid TOML"),
        ("", "is missing"),
    ],
)
def test_no_toml_at_all(plain_installation: Installation, tmp_path: Path, text: str, reason: str) -> None:
    config = tmp_path / "relay.toml"
    config.write_text(text, encoding="utf-8")
    done = plain_installation.run("check", "--config", config)
    assert (done.returncode, reason in done.stderr.decode()) == (2, True), done.stderr.decode()


GUESSED = [
    "aaaaaaaaaaaaaaaa", "1234567890123456", "passwordpassword", "changemechangeme", "0123456789abcdef0123456789abcdef",
    "qwertyuiopasdfgh", "learnrelay-secret-change-me", "deadbeefdeadbeef", "PasswordPassword123",
    "zaq12wsxcde34rfv", "1qaz2wsx3edc4rfv", "!QAZ2wsx#EDC4rfv", "q1w2e3r4t5y6u7i8", "mnbvcxzasdfghjkl",
    "qazwsxedcrfvtgby", "a1b2c3d4e5f6g7h8", "P@ssw0rd12345678", "harbour-harbour-harbour", "Welcome-Welcome-1",
    "2026-11-30-2026-11-30", "admin.31.12.1999.", "2026-12-01T03:52", "20261201T035200Z", "01.12.2026 03:52:11",
]  # fmt: skip


@pytest.mark.parametrize("secret", ["xyzzy", "", "  ", *GUESSED])
def test_a_secret_that_is_none(plain_installation: Installation, tmp_path: Path, secret: str) -> None:
    config = tmp_path / "relay.toml"
    config.write_text(SOUND)
    (tmp_path / "password.txt").write_text("pass-word-word\n")
    done = plain_installation.run("check", "--config", config, SECRET=secret)
    assert done.returncode == 2
    assert b"identity.secret: " in done.stderr
    assert secret.encode() not in done.stderr or not secret.strip()
    if len(secret) > 2:
        cure = 'make one: python -c "import secrets; print(secrets.token_urlsafe(32))"'
        assert cure in " ".join(done.stderr.decode().split())


def test_a_random_secret_is_strong() -> None:
    chance = random.Random(11)
    for alphabet in ("0123456789abcdef", string.ascii_lowercase, string.ascii_letters + string.digits + "-_"):
        weakest = min(estimate_bits("".join(chance.choices(alphabet, k=16))) for _ in range(2_000))
        assert weakest > 40, alphabet
    started = time.monotonic()
    assert estimate_bits("ab1" * 100_000) < 40
    assert time.monotonic() - started < 1


@pytest.mark.parametrize(
    "name", ["..", ".", ".hidden", "-a", "--out", "a.", "a/b", "../a", "a\\b", "CON", "nul.x", "com1"]
)
def test_a_name_that_is_no_name_of_a_folder(plain_installation: Installation, tmp_path: Path, name: str) -> None:
    config = tmp_path / "relay.toml"
    (tmp_path / "password.txt").write_text("pass-word-word\n")
    config.write_text(SOUND.replace("[destinations.main]", f"[destinations.{json.dumps(name)}]"))
    for command in (["check"], ["replay", "--to", name, "--output", tmp_path / "out" / "inner", "x.log"]):
        done = plain_installation.run(*command, "--config", config, SECRET="Kd7wq2Lmz9Xv4bTn")
        assert (done.returncode, f"destinations.{name}:" in done.stderr.decode()) == (2, True), done.stderr.decode()
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("tag", ["en", "pt-BR", "zh-Hant-TW", "und", "x-campus"])
def test_the_language_of_the_platform(tag: str) -> None:
    assert Language().deserialize(tag) == tag


@pytest.mark.parametrize("tag", ["", "e", "pt_BR", "English please", "en-", 3])
def test_a_language_that_is_none(tag: object) -> None:
    with pytest.raises(ValidationError):
        Language().deserialize(tag)
