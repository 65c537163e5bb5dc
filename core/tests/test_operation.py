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
from relay_files import relay_toml
from services import postgres_url

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
        """Writes the operator's file. ``delivery``, ``name``: TOML as the operator typed it."""
        batch = {"size": 2, "interval": "10ms"}
        retry = {"attempts": 3, "backoff": "50ms", "ceiling": "200ms"}
        text = relay_toml(destinations={name: {"url": url, "batch": batch, "retry": retry}}, delivery={})
        self.config.write_text(text.replace("[delivery]\n", f"[delivery]\n{delivery}\n"), encoding="utf-8")

    def run(self, *command: str) -> tuple[int, str, str]:
        done = self.installation.run(*command, "--config", self.config, SECRET="Kd7wq2Lmz9Xv4bTn")
        assert b"Traceback" not in done.stderr, done.stderr.decode()
        return done.returncode, done.stdout.decode(), done.stderr.decode()

    def emit(self) -> None:
        environment = {**os.environ, "SECRET": "Kd7wq2Lmz9Xv4bTn", "PYTHONPATH": str(self.installation.site)}
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
        ("", '"(deferred)"', "destinations.(deferred)", 'digits, "-", "_" and, between them, "."'),
        ("", '"main room"', "destinations.main room", "expected a name of letters"),
        ('database = "garbage"', "main", "delivery.database", 'expected "sqlite:///FILE", "postgresql+psycopg://'),
        ('database = "sqlite:///:memory:"', "main", "delivery.database", 'expected "sqlite:///FILE"'),
        ('engine = "celery"\nbroker = "foo"', "main", "delivery.broker", 'expected the address of Redis or RabbitMQ'),
        ('engine = "celery"\nbroker = "kafka://h"', "main", "delivery.broker", 'expected the address of Redis'),
        ('spool = "relay.toml"', "main", "delivery.spool", "is a file; expected a folder"),
        ('alerts = { command = ["/no/such/program"] }', "main", "delivery.alerts.command", "there is no such program"),
    ],
)  # fmt: skip
def test_mistakes_of_the_file(delivery: str, name: str, key: str, reason: str, operator: Operator) -> None:
    operator.write(delivery, name)
    code, output, _ = operator.run("check", "--json")
    (problem,) = json.loads(output)["problems"]
    assert (code, problem["key"]) == (2, key)
    assert reason in problem["reason"]


def test_check_looks_at_the_outbox_and_makes_none(operator: Operator) -> None:
    operator.write(OUTBOX + 'critical = ["nosuch.*", "watched", "plain.watchign"]')
    code, _, messages = operator.run("check")
    assert (code, operator.outbox.exists()) == (0, False)
    assert 'delivery.critical: "nosuch.*" names no enabled event or family\n' in messages
    assert (
        'delivery.critical: "plain.watchign" names no enabled event or family; did you mean "plain.watching"?'
        in messages
    )
    assert '"watched"' not in messages and "every user" not in messages

    operator.emit()
    assert operator.outbox.stat().st_mode & 0o777 == 0o600
    operator.outbox.chmod(0o644)
    for command in ("check", "status"):
        assert "every user of this machine may open the file" in operator.run(command)[2]
    operator.outbox.chmod(0o660)
    assert "every user" not in operator.run("check")[2]

    operator.write('database = "sqlite:///relay.toml/outbox.db"')
    assert (
        f"delivery.database: the file cannot be created: {operator.outbox.parent}/relay.toml is no folder"
        in (operator.run("check")[2])
    )
    operator.write(OUTBOX)

    operator.outbox.write_bytes(b"these are my notes, and no database at all\n" * 99)
    code, _, messages = operator.run("check")
    assert (code, "delivery.database: outbox" in messages) == (2, True)
    assert "the file is not an SQLite database" in messages


def test_check_asks_database_and_broker(operator: Operator) -> None:
    url = postgres_url()
    for address, sound in ((url, "yes"), (url.rpartition("/")[0] + "/nonesuch", "NO")):
        operator.write(f'engine = "celery"\nbroker = "redis://127.0.0.1:1/0"\ndatabase = "{address}"')
        assert operator.run("check")[0] == 0
        code, output, _ = operator.run("check", "--connect")
        lines = {line.split()[0]: line for line in output.splitlines() if line.strip()}
        assert code == 1
        assert sound in lines["database"] and ("the database does not exist" in output) == (sound == "NO")
        assert "NO" in lines["broker"] and "connection refused" in lines["main"]


@pytest.mark.slow
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
        code, output, words = operator.run("failed", *command, "--to", "mian")
        assert (code, output) == (2, "")
        assert 'there is no destination mian; did you mean "main"?' in words
