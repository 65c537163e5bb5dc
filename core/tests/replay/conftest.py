"""A replay to run: an operator's file, logs, and what must come of them."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from delivery.consumer import Consumer
from installation import Installation
from learnrelay.lines import unpacked
from plain import event, line

START = datetime(2026, 3, 2, 9, tzinfo=UTC)
SECRET = "LEARNRELAY_IDENTITY_SECRET"


@dataclass
class Run:
    """What one run of the command gave."""

    code: int
    summary: Any
    told: str


class Replay:
    """The command, with an operator's file of its own."""

    def __init__(self, directory: Path, installation: Installation) -> None:
        self.directory = directory
        self.installation = installation
        self.config = directory / "relay.toml"
        self.errors = directory / "errors.jsonl"

    def configure(self, **destinations: str) -> None:
        """``name=url``; further lines are further keys."""
        tables = "".join(
            f'[destinations.{name}]\nstandard = "plain"\nscope = "all"\nbatch = {{ size = 20 }}\n'
            f'url = "{url.partition(chr(10))[0]}"\n{url.partition(chr(10))[2]}\n'
            for name, url in destinations.items()
        )
        self.config.write_text(
            '[platform]\nroot_url = "https://learn.example.org"\n[plugins]\nenabled = ["plain", "plain.*"]\n'
            f'[identity]\nprovider = "keyed"\nsecret = "env:{SECRET}"\n'
            f'[delivery]\ndatabase = "sqlite:///outbox.db"\n{tables}',
            encoding="utf-8",
        )

    def command(self, *arguments: Any) -> list[str]:
        """The command line."""
        executable = str(Path(sys.executable).parent / "learnrelay")
        return [executable, "replay", "--config", str(self.config), "--json", "--errors", str(self.errors),
                "--processes", "2", "--split", "64KiB", *map(str, arguments)]  # fmt: skip

    @property
    def environment(self) -> dict[str, str]:
        """With the standard of the tests, and the secret."""
        paths = os.pathsep.join([str(self.installation.site), os.environ.get("PYTHONPATH", "")])
        return {**os.environ, "PYTHONPATH": paths, "NO_COLOR": "1", SECRET: "s" * 32}

    def __call__(self, *arguments: Any, largest_file: int | None = None) -> Run:
        """Run it to its end; where no file may have more bytes than ``largest_file``, if that is said."""
        command = self.command(*arguments)
        if largest_file:
            command = ["prlimit", f"--fsize={largest_file}", *command]
        done = subprocess.run(command, env=self.environment, capture_output=True, timeout=300, check=False)
        told = done.stderr.decode()
        assert "Traceback" not in told, told
        return Run(done.returncode, json.loads(done.stdout) if done.stdout else None, told)

    def start(self, *arguments: Any) -> subprocess.Popen[bytes]:
        """Start it and go on, with its processes in a group of their own."""
        return subprocess.Popen(
            ["env", "--default-signal=INT", *self.command(*arguments)],  # ignored where tests run in the background
            env=self.environment, start_new_session=True,
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
        )  # fmt: skip

    def records(self) -> list[dict[str, Any]]:
        """The failures."""
        return [json.loads(one) for one in self.errors.read_bytes().splitlines()]


def kill(process: subprocess.Popen[bytes]) -> None:
    """End it at once, with all its processes, as a machine that goes off does."""
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()


def reaches(number: Callable[[], int], enough: int) -> None:
    """Wait until a number that grows is large enough."""
    deadline = time.monotonic() + 180
    while number() < enough:
        assert time.monotonic() < deadline
        threading.Event().wait(0.002)


@pytest.fixture
def replay(tmp_path: Path, plain_installation: Installation) -> Replay:
    """With no destinations yet."""
    made = Replay(tmp_path, plain_installation)
    made.configure()
    return made


@pytest.fixture
def consumer() -> Iterator[Consumer]:
    """One that understands ids."""
    made = Consumer()
    yield made
    made.stop()


Logs = Callable[..., list[str]]


@pytest.fixture
def logs(tmp_path: Path) -> Logs:
    """Write a log of so many events, a second apart, and give the statements' ids in order."""
    begun = Counter[str]()

    def write(name: str, events: int, *between: bytes, packed: Callable[[bytes], bytes] = bytes) -> list[str]:
        moments = [START + timedelta(seconds=begun["seconds"] + number) for number in range(events)]
        begun["seconds"] += events
        lines = [line({**event(), "timestamp": moment.isoformat()}) for moment in moments]
        step = max(1, events // (len(between) + 1))
        for number, other in enumerate(between, 1):
            lines[number * step] = other + lines[number * step]
        (tmp_path / name).write_bytes(packed(b"".join(lines)))
        return [f"{moment.isoformat()}/0" for moment in moments]

    return write


def ids_in(directory: Path) -> list[str]:
    """The ids of all statements in all files, files in the order of their names."""
    found = []
    for path in sorted(directory.rglob("*.jsonl*")):
        with unpacked(path.open("rb")) as content:
            found += [json.loads(one)["id"] for one in content.read().splitlines()]
    return found
