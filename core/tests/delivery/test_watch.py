"""``learnrelay status --watch`` on terminals of every kind."""

from __future__ import annotations

import os
import pty
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from installation import Installation
from learnrelay.config.models import Delivery
from learnrelay.config.secrets import Secret
from learnrelay.outbox import Outbox
from learnrelay.outbox.rates import RateMeter, describe_rate
from relay_files import relay_toml

from .conftest import statements


@pytest.fixture
def watched(plain_installation: Installation, tmp_path: Path) -> Callable[..., tuple[str, int]]:
    """Returns a function that watches an outbox, into which statements come meanwhile, until it is stopped.

    It has 3 that wait, and 5 after the first drawing. ``until``: what is read before it is stopped.
    """
    config = tmp_path / "relay.toml"
    config.write_text(
        relay_toml(
            destinations={"main": {"url": "http://127.0.0.1:1/"}},
            delivery={"database": f"sqlite:///{tmp_path}/outbox.db"},
        ),
        encoding="utf-8",
    )
    outbox = Outbox.open(Delivery(database=Secret(f"sqlite:///{tmp_path}/outbox.db")))
    outbox.put(statements(1, 3, "main"))

    def watch(until: str, *arguments: str, terminal: str = "xterm") -> tuple[str, int]:
        ours, theirs = pty.openpty()
        command = [sys.executable, "-m", "learnrelay", "status", "--config", str(config), "--watch", *arguments]
        environment = {
            **os.environ, "SECRET": "Kd7wq2Lmz9Xv4bTn", "PYTHONPATH": str(plain_installation.site), "TERM": terminal,
            "COLUMNS": "100",
        }  # fmt: skip
        process = subprocess.Popen(
            command, stdin=theirs, stdout=theirs, stderr=theirs, env=environment,
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509  # a background job of a shell ignores it
        )  # fmt: skip
        os.close(theirs)
        killer = threading.Timer(100, process.kill)  # reading ends with it
        killer.start()
        text, has_more = "", False
        while not re.search(until, text, re.DOTALL):
            text += os.read(ours, 65536).decode()
            if "main" in text and not has_more:
                outbox.put(statements(4, 5, "main"))
                has_more = True
        process.send_signal(signal.SIGINT)  # as Ctrl-C does
        while process.poll() is None:
            try:
                text += os.read(ours, 65536).decode()
            except OSError:  # its end of the terminal is closed
                break
        os.close(ours)
        code = process.wait(60)
        killer.cancel()
        return text, code

    return watch


def test_the_table_is_drawn_again_in_its_place(watched: Callable[..., tuple[str, int]]) -> None:
    text, code = watched(r"main +3 .*main +5 .*rate", "0.2")
    assert code == 0 and "Traceback" not in text
    first, *frames = text.split("\x1b[H")
    assert first.endswith("\x1b[?1049h") and text.count("\x1b[?1049l") == 1, "on a screen of its own, which ends"
    assert len(frames) > 3 and max(frame.count("\n") for frame in frames) < 25, "what is too long pushes nothing up"
    assert text.count("\x1b[?25l") == text.count("\x1b[?25h") == 1, "the cursor is shown again at the end"


def test_a_dumb_terminal_gets_one_table_after_the_other(watched: Callable[..., tuple[str, int]]) -> None:
    text, code = watched(r"main +3 .*main +5 .*0/s", terminal="dumb")
    assert code == 0 and "\x1b" not in text
    assert max(map(len, text.splitlines())) <= 100


def run_in_terminal(installation: Installation, *arguments: str) -> str:
    """Returns what a command prints in a terminal of 80 columns."""
    ours, theirs = pty.openpty()
    environment = installation.environment(SECRET="Kd7wq2Lmz9Xv4bTn", TERM="xterm", COLUMNS="80")
    command = [sys.executable, "-m", "learnrelay", *arguments]
    with subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs, env=environment):
        os.close(theirs)
        text = ""
        try:
            while part := os.read(ours, 65536):
                text += part.decode()
        except OSError:  # its end of the terminal is closed
            pass
    os.close(ours)
    return text


def test_a_narrow_terminal_shows_the_table_in_parts_that_fit(plain_installation: Installation, tmp_path: Path) -> None:
    url = "http://127.0.0.1:1/a-long-way/to/the/statements/of/our/consumer"
    database = f"sqlite:///{tmp_path}/outbox.db"
    config = tmp_path / "relay.toml"
    config.write_text(
        relay_toml(destinations={"gradebook": {"url": url}}, delivery={"database": database}), encoding="utf-8"
    )
    outbox = Outbox.open(Delivery(database=Secret(database)))
    outbox.put(statements(1, 1234, "gradebook"))
    reason = "HTTP 401: the user name or the password is wrong, says the consumer at some length"
    outbox.queue("gradebook").trip("halted", reason, lambda failures: 900.0, probe=False)
    text = run_in_terminal(plain_installation, "status", "--config", str(config))
    lines = [line.rstrip() for line in re.sub(r"\x1b\[[0-9;]*m", "", text).splitlines()]
    assert max(map(len, lines)) <= 80
    first, second = lines[0].split(), next(line for line in lines if "state" in line.split()).split()
    assert first[:4] == ["destination", "waiting", "oldest", "delivered"] and second[0] == "destination"
    assert "1,234" in lines[1] and any(line == f"gradebook    {url}" for line in lines)
    assert "says the consumer at some length" in " ".join(" ".join(lines).split()), text


@pytest.mark.parametrize("arguments", [("--alert",), ("--json",)])
def test_what_cannot_be_watched(arguments: tuple[str, ...], plain_installation: Installation) -> None:
    done = plain_installation.run("status", "--config", "relay.toml", "--watch", *arguments)
    assert done.returncode == 2 and b"--watch" in done.stderr


def test_rates_are_those_of_the_last_span() -> None:
    meter = RateMeter(span=60)
    assert meter.rate_of("a") is None
    meter.add(0, {"a": 10})
    assert meter.rate_of("a") is None and describe_rate(None) == ""
    meter.add(30, {"a": 40, "b": 3})
    assert (meter.rate_of("a"), meter.rate_of("b"), meter.rate_of("c")) == (1.0, 0.1, 0.0)
    for second in range(31, 200):
        meter.add(second, {"a": 40 + (second - 30) * 7})
    assert meter.rate_of("a") == 7.0
    meter.add(200, {"a": 0})
    assert meter.rate_of("a") == 0.0, "another outbox, say"
    assert [describe_rate(rate) for rate in (0.0, 0.0123, 7.25, 99.96, 1234.5)] == [
        "0/s",
        "0.012/s",
        "7.2/s",
        "100/s",
        "1,234/s",
    ]
