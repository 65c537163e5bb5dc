"""What an operator can get wrong around delivery is said by `check`, by `failed` and by `worker`, before it hurts."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from delivery.consumer import Consumer
from installation import Installation
from plain import event

POSTGRES = os.environ.get("LEARNRELAY_TEST_POSTGRES_URL", "")
CONFIG = """
[platform]
root_url = "https://learn.example.org"
[plugins]
enabled = ["plain.*"]
[identity]
provider = "keyed"
secret = "env:SECRET"
[delivery]
{delivery}
[destinations.{name}]
standard = "plain"
url = "{url}"
scope = "all"
batch = {{ size = 2, interval = "10ms" }}
retry = {{ attempts = 3, backoff = "50ms", ceiling = "200ms" }}
"""
OUTBOX = 'database = "sqlite:///outbox.db"\n'
EMIT = """
import sys
from learnrelay import Relay
with Relay.from_file(sys.argv[1]) as relay:
    relay.emit(sys.stdin.read())
"""
HEAR = 'import sys; open(sys.argv[1], "a").write(sys.stdin.read() + chr(10))'


class Operator:
    """Writes a configuration, and runs commands with it."""

    def __init__(self, installation: Installation, directory: Path) -> None:
        self.installation = installation
        self.config = directory / "relay.toml"
        self.outbox = directory / "outbox.db"
        self.write()

    def write(self, delivery: str = OUTBOX, name: str = "main", url: str = "http://127.0.0.1:1/") -> None:
        self.config.write_text(CONFIG.format(delivery=delivery, name=name, url=url), encoding="utf-8")

    def run(self, *command: str) -> tuple[int, str, str]:
        done = self.installation.run(*command, "--config", self.config, SECRET="s" * 32)
        assert b"Traceback" not in done.stderr, done.stderr.decode()
        return done.returncode, done.stdout.decode(), done.stderr.decode()

    def emit(self) -> None:
        environment = {**os.environ, "SECRET": "s" * 32, "PYTHONPATH": str(self.installation.site)}
        subprocess.run(
            [sys.executable, "-c", EMIT, self.config], input=json.dumps(event()), text=True, check=True, timeout=60,
            env=environment,
        )  # fmt: skip


@pytest.fixture
def operator(plain_installation: Installation, tmp_path: Path) -> Operator:
    return Operator(plain_installation, tmp_path)


@pytest.fixture
def consumer() -> Iterator[Consumer]:
    made = Consumer()
    yield made
    made.stop()


@pytest.mark.parametrize(
    ("delivery", "name", "key", "reason"),
    [
        ("", '"(deferred)"', "destinations.(deferred)", 'digits, "-", "_" and "."'),
        ("", '"main room"', "destinations.main room", "expected a name of letters"),
        ('database = "garbage"', "main", "delivery.database", 'expected "sqlite:///FILE" or "postgresql+psycopg://'),
        ('database = "sqlite:///:memory:"', "main", "delivery.database", 'expected "sqlite:///FILE"'),
        ('engine = "celery"\nbroker = "foo"', "main", "delivery.broker", 'expected the address of Redis or RabbitMQ'),
        ('alerts = { command = ["/no/such/program"] }', "main", "delivery.alerts.command", "there is no such program"),
    ],
)  # fmt: skip
def test_mistakes_of_the_file(delivery: str, name: str, key: str, reason: str, operator: Operator) -> None:
    operator.write(delivery, name)
    code, told, _ = operator.run("check", "--json")
    (problem,) = json.loads(told)["problems"]
    assert (code, problem["key"]) == (2, key)
    assert reason in problem["reason"]


def test_check_looks_at_the_outbox_and_makes_none(operator: Operator) -> None:
    operator.write(OUTBOX + 'critical = ["nosuch.*", "watched", "plain.watchign"]')
    code, _, told = operator.run("check")
    assert (code, operator.outbox.exists()) == (0, False)
    assert 'delivery.critical: "nosuch.*" names no enabled event or family\n' in told
    assert (
        'delivery.critical: "plain.watchign" names no enabled event or family; did you mean "plain.watching"?' in told
    )
    assert '"watched"' not in told and "every user" not in told

    operator.emit()
    assert operator.outbox.stat().st_mode & 0o777 == 0o600
    operator.outbox.chmod(0o644)
    for command in ("check", "status"):
        assert "every user of this machine may open the file" in operator.run(command)[2]
    operator.outbox.chmod(0o660)
    assert "every user" not in operator.run("check")[2]

    operator.outbox.write_bytes(b"these are my notes, and no database at all\n" * 99)
    code, _, told = operator.run("check")
    assert (code, "delivery.database: outbox" in told) == (2, True)
    assert "the file is not an SQLite database" in told


@pytest.mark.skipif(not POSTGRES, reason="no LEARNRELAY_TEST_POSTGRES_URL")
def test_check_asks_database_and_broker(operator: Operator) -> None:
    for address, sound in ((POSTGRES, "yes"), (POSTGRES.rpartition("/")[0] + "/nonesuch", "NO")):
        operator.write(f'engine = "celery"\nbroker = "redis://127.0.0.1:1/0"\ndatabase = "{address}"')
        assert operator.run("check")[0] == 0
        code, told, _ = operator.run("check", "--connect")
        lines = {line.split()[0]: line for line in told.splitlines() if line.strip()}
        assert code == 1
        assert sound in lines["database"] and ("the database does not exist" in told) == (sound == "NO")
        assert "NO" in lines["broker"] and "connection refused" in lines["main"]


def test_a_job_of_cron_has_alerts_and_dead_letters_have_their_words(operator: Operator, consumer: Consumer) -> None:
    heard = operator.outbox.with_name("heard")
    hear = json.dumps([sys.executable, "-c", HEAR, str(heard)])
    operator.write(f"{OUTBOX}alerts = {{ command = {hear} }}", url=consumer.url)
    consumer.behave = lambda ids: (401, {}, b"who are you?")
    operator.emit()
    operator.run("worker", "--until-empty")
    assert [json.loads(line)["condition"] for line in heard.read_text().splitlines()] == ["halted"]

    consumer.behave = lambda ids: (400, {}, b"no such verb")
    for _ in range(100):
        operator.run("worker", "--until-empty")
        if "dead" in heard.read_text():
            break
    (letter,) = json.loads(operator.run("failed", "list", "--to", "main", "--json")[1])
    code, statement, words = operator.run("failed", "show", letter["statement_id"])
    assert (code, json.loads(statement)["id"]) == (0, letter["statement_id"])
    assert words.endswith("main: HTTP 400: HTTP 400\n"), "the standard's words, on standard error"

    for command in (["list"], ["retry"], ["drop", "--yes"]):
        code, told, words = operator.run("failed", *command, "--to", "mian")
        assert (code, told) == (2, "")
        assert 'there is no destination mian; did you mean "main"?' in words
