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
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from command_server import run_command
from delivery.consumer import Consumer
from installation import Installation
from learnrelay.reading.lines import unpacked
from plain import event, line
from relay_files import relay_toml

START = datetime(2026, 3, 2, 9, tzinfo=UTC)
SECRET = "LEARNRELAY_IDENTITY_SECRET"


@dataclass
class Run:
    """Holds the result of one run of the command."""

    code: int
    summary: Any
    stderr: str


class Replay:
    """Runs the command with an operator's file of its own."""

    def __init__(self, directory: Path, installation: Installation) -> None:
        self.directory = directory
        self.installation = installation
        self.config = directory / "relay.toml"
        self.errors = directory / "errors.jsonl"

    def configure(self, retry: Mapping[str, object] | None = None, **consumers: str | Mapping[str, object]) -> None:
        """Writes the operator's file. ``consumers``: destination → URL, or its keys. ``retry``: of each of them."""
        keys = {"batch": {"size": 20}, **({"retry": retry} if retry else {})}
        own = {name: {"url": to} if isinstance(to, str) else to for name, to in consumers.items()}
        text = relay_toml(
            ["plain", "plain.*"], {name: {**keys, **of_sink} for name, of_sink in own.items()},
            identity={"secret": f"env:{SECRET}"}, delivery={"database": "sqlite:///outbox.db"},
        )  # fmt: skip
        self.config.write_text(text, encoding="utf-8")

    def command(self, *arguments: Any) -> list[str]:
        """Returns the command line."""
        executable = str(Path(sys.executable).parent / "learnrelay")
        processes = [] if "--celery-shards" in arguments else ["--processes", "2"]
        return [executable, "replay", "--config", str(self.config), "--json", "--errors", str(self.errors),
                *processes, "--split", "64KiB", *map(str, arguments)]  # fmt: skip

    @property
    def environment(self) -> dict[str, str]:
        """Returns the environment, with the standard of the tests and the secret."""
        paths = os.pathsep.join([str(self.installation.site), os.environ.get("PYTHONPATH", "")])
        return {**os.environ, "PYTHONPATH": paths, "NO_COLOR": "1", SECRET: "Kd7wq2Lmz9Xv4bTn"}

    def __call__(self, *arguments: Any, largest_file: int | None = None) -> Run:
        """Runs the command to its end. ``largest_file``: bytes that no file may exceed."""
        command = self.command(*arguments)
        if largest_file:
            command = ["prlimit", f"--fsize={largest_file}", *command]
            done = subprocess.run(command, env=self.environment, capture_output=True, timeout=300, check=False)
        else:
            done = run_command(command[1:], self.environment, Path.cwd())
        stderr = done.stderr.decode()
        assert "Traceback" not in stderr, stderr
        return Run(done.returncode, json.loads(done.stdout) if done.stdout else None, stderr)

    def start(self, *arguments: Any) -> subprocess.Popen[bytes]:
        """Starts the command in the background, with its processes in a group of their own."""
        return subprocess.Popen(
            ["env", "--default-signal=INT", *self.command(*arguments)],  # ignored where tests run in the background
            env=self.environment, start_new_session=True,
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
        )  # fmt: skip

    def records(self) -> list[dict[str, Any]]:
        """Returns the failures."""
        return [json.loads(row) for row in self.errors.read_bytes().splitlines()]


def kill(process: subprocess.Popen[bytes]) -> None:
    """Kills the command and all its processes, as a power cut does."""
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()


def reaches(number: Callable[[], int], enough: int) -> None:
    """Waits until a growing number is large enough."""
    deadline = time.monotonic() + 180
    while number() < enough:
        assert time.monotonic() < deadline, f"{number()} of {enough}"
        threading.Event().wait(0.002)


@pytest.fixture
def replay(tmp_path: Path, plain_installation: Installation) -> Replay:
    """Returns the command, without destinations."""
    made = Replay(tmp_path, plain_installation)
    made.configure()
    return made


@pytest.fixture
def consumer() -> Iterator[Consumer]:
    """Returns a consumer that understands ids."""
    made = Consumer()
    yield made
    made.stop()


Logs = Callable[..., list[str]]


@pytest.fixture
def logs(tmp_path: Path) -> Logs:
    """Writes a log of so many events, a second apart, and returns the statements' ids in order."""
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
    """Lists the ids of all statements in all files, files in the order of their names."""
    ids = []
    for path in sorted(directory.rglob("*.jsonl*")):
        with unpacked(path.open("rb")) as content:
            ids += [json.loads(row)["id"] for row in content.read().splitlines()]
    return ids
