"""From emit to the consumer through the commands of an operator: check, status, worker."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from delivery.consumer import Consumer
from installation import Installation
from plain import event
from relay_files import relay_toml


def config_with(url: str, database: Path) -> str:
    """Writes an operator's file with a destination that needs a token."""
    main = {
        "url": url,
        "auth": {"scheme": "bearer", "token": "env:TOKEN"},
        "batch": {"size": 2, "interval": "10ms"},
        "retry": {"attempts": 3, "backoff": "50ms", "ceiling": "200ms"},
    }
    return relay_toml(destinations={"main": main}, delivery={"database": f"sqlite:///{database}"})


EMIT = """
import json, sys
from learnrelay import Relay
with Relay.from_file(sys.argv[1]) as relay:
    for line in sys.stdin:
        relay.emit(line)
"""

ENVIRONMENT = {"SECRET": "Kd7wq2Lmz9Xv4bTn", "TOKEN": "t0ken-t0ken-t0ken"}


@pytest.fixture
def consumer() -> Iterator[Consumer]:
    made = Consumer()
    yield made
    made.stop()


@pytest.mark.slow
def test_what_was_emitted_while_nobody_listened_arrives(
    plain_installation: Installation, consumer: Consumer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def learnrelay(*arguments: str) -> Any:
        return plain_installation.run(*arguments, "--config", config, **ENVIRONMENT)

    config = tmp_path / "relay.toml"
    config.write_text(config_with(consumer.url, tmp_path / "outbox.db"))
    consumer.stop()
    events = [event(data={"video": f"v{number}", "secret": "hush"}) for number in range(5)]
    for number, raw in enumerate(events):
        raw["timestamp"] = f"2026-03-02T09:00:0{number}Z"
    monkeypatch.setenv("PYTHONPATH", str(plain_installation.site))
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    lines = "\n".join(json.dumps(raw) for raw in events) + "\nno event\n"
    subprocess.run([sys.executable, "-c", EMIT, config], input=lines, text=True, check=True, timeout=60)

    status = json.loads(learnrelay("status", "--json").stdout)["main"]
    assert (status["waiting"], status["delivered"]) == (5, 0)
    down = learnrelay("check", "--connect")
    assert (down.returncode, b"connection refused" in down.stdout) == (1, True)

    consumer.start()
    up = learnrelay("check", "--connect")
    assert (up.returncode, b"yes" in up.stdout) == (0, True), up.stdout
    done = learnrelay("worker", "--until-empty")
    assert done.returncode == 0, done.stderr.decode()
    assert sorted(statement["what"] for statement in consumer.stored.values()) == [f"v{number}" for number in range(5)]
    status = json.loads(learnrelay("status", "--json").stdout)["main"]
    assert (status["waiting"], status["delivered"], status["dead"]) == (0, 5, 0)
    assert "hush" not in json.dumps(consumer.stored)
    for leftover in (tmp_path / "outbox.db").parent.glob("outbox.db*"):
        content = leftover.read_bytes()
        assert b"hush" not in content
        assert ENVIRONMENT["TOKEN"].encode() not in content


def test_a_worker_ends_on_a_signal(
    plain_installation: Installation, consumer: Consumer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = tmp_path / "relay.toml"
    text = config_with(consumer.url, tmp_path / "outbox.db")
    config.write_text(text.replace("[destinations.main]\n", "[destinations.main]\nverify_tls = false\n"))
    monkeypatch.setenv("PYTHONPATH", str(plain_installation.site))
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    command = [Path(sys.executable).parent / "learnrelay", "worker", "--config", config]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as worker:
        assert worker.stderr is not None
        assert "certificates are not checked" in worker.stderr.readline(), "what check warns of"
        assert "delivering to main" in worker.stderr.readline()
        worker.send_signal(signal.SIGTERM)
        assert worker.wait(timeout=60) == 0


def test_dead_letters_and_forgetting(
    plain_installation: Installation, consumer: Consumer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def learnrelay(*arguments: str, stdin: bytes = b"") -> str:
        done = plain_installation.run(*arguments, "--config", config, stdin=stdin, **ENVIRONMENT)
        assert done.returncode == 0, done.stderr.decode()
        return done.stdout.decode()

    config = tmp_path / "relay.toml"
    config.write_text(config_with(consumer.url, tmp_path / "outbox.db"))
    monkeypatch.setenv("PYTHONPATH", str(plain_installation.site))
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    consumer.behave = lambda ids: 400
    later = {**event(user_id=815), "timestamp": "2026-03-02T09:00:01Z"}
    lines = json.dumps(event()) + "\n" + json.dumps(later)
    subprocess.run([sys.executable, "-c", EMIT, config], input=lines, text=True, check=True, timeout=60)
    learnrelay("worker", "--until-empty")

    dead = json.loads(learnrelay("failed", "list", "--json", "--reason", "400"))
    assert [letter["event_name"] for letter in dead] == ["watched", "watched"]
    shown = json.loads(learnrelay("failed", "show", dead[0]["statement_id"]))
    assert shown["what"] == "v1"
    assert json.loads(learnrelay("failed", "list", "--json", "--older-than", "1d")) == []
    assert "removed" in learnrelay("forget", "--user-id", "815")
    assert len(json.loads(learnrelay("failed", "list", "--json"))) == 1

    consumer.behave = lambda ids: None
    assert learnrelay("failed", "retry", "--to", "main") == "1 put back\n"
    learnrelay("worker", "--until-empty")
    assert len(consumer.stored) == 1
    assert learnrelay("failed", "drop", "--yes") == "0 deleted\n"


@pytest.mark.slow
def test_a_destination_that_is_taken_out_of_the_file(
    plain_installation: Installation, consumer: Consumer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = tmp_path / "relay.toml"
    text = config_with("http://127.0.0.1:1/", tmp_path / "outbox.db")
    config.write_text(text)
    monkeypatch.setenv("PYTHONPATH", str(plain_installation.site))
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    subprocess.run([sys.executable, "-c", EMIT, config], input=json.dumps(event()), text=True, check=True, timeout=60)
    given = ("--config", config)
    early = plain_installation.run("failed", "abandon", "main", *given, **ENVIRONMENT)
    assert early.returncode == 2 and b"main is in" in early.stderr

    config.write_text(text.replace("destinations.main", "destinations.other"))
    status = json.loads(plain_installation.run("status", "--json", *given, **ENVIRONMENT).stdout)
    assert (status["main"]["orphaned"], status["main"]["waiting"], status["other"]["orphaned"]) == (True, 1, False)
    unknown = plain_installation.run("failed", "abandon", "mian", *given, **ENVIRONMENT)
    assert unknown.returncode == 2 and b"mian" in unknown.stderr
    done = plain_installation.run("failed", "abandon", "main", "--yes", *given, **ENVIRONMENT)
    assert done.stdout == b"1 deleted\n", done.stderr
    status = json.loads(plain_installation.run("status", "--json", *given, **ENVIRONMENT).stdout)
    assert not status["main"]["orphaned"]
