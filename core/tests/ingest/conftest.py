"""A relay that follows logs: an operator's file, the commands, and what must have come of it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import IO, Any

import pytest

from delivery.consumer import Consumer
from installation import Installation
from learnrelay.config.models import Delivery
from learnrelay.config.secrets import Secret
from learnrelay.outbox import Outbox
from relay_files import relay_toml
from replay.conftest import Logs, logs  # noqa: F401  # a fixture

SECRET = "Kd7wq2Lmz9Xv4bTn"


class Site:
    """Runs commands with an operator's file of its own."""

    def __init__(self, directory: Path, installation: Installation) -> None:
        self.directory = directory
        self.config = directory / "relay.toml"
        self._installation = installation
        self._started: list[subprocess.Popen[bytes]] = []

    def configure(
        self, inputs: Mapping[str, Mapping[str, object]] | None = None, batch: Mapping[str, object] | None = None,
        delivery: Mapping[str, object] | None = None, **urls: str,
    ) -> None:  # fmt: skip
        """Writes the operator's file. ``urls``: destination → URL; ``batch``: of each of them."""
        keys = {"batch": batch or {"size": 20, "interval": "50ms"}, "retry": {"backoff": "50ms", "ceiling": "200ms"}}
        text = relay_toml(
            ["plain.*"], {name: {"url": url, **keys} for name, url in urls.items()},
            delivery={"database": "sqlite:///outbox.db", **(delivery or {})},
            **{f"inputs.{name}": section for name, section in (inputs or {}).items()},
        )  # fmt: skip
        self.config.write_text(text, encoding="utf-8")

    @property
    def _environment(self) -> dict[str, str]:
        paths = os.pathsep.join([str(self._installation.site), os.environ.get("PYTHONPATH", "")])
        return {**os.environ, "PYTHONPATH": paths, "NO_COLOR": "1", "SECRET": SECRET}

    def run(self, *arguments: object, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
        """Runs a command to its end."""
        command, *others = map(str, arguments)
        done = self._installation.run(command, "--config", self.config, *others, stdin=stdin, SECRET=SECRET)
        assert b"Traceback" not in done.stderr, done.stderr.decode()
        return done

    def start(self, *arguments: object, stdin: IO[bytes] | int | None = None) -> subprocess.Popen[bytes]:
        """Starts a command in the background."""
        command, *others = map(str, arguments)
        executable = str(Path(sys.executable).parent / "learnrelay")
        process = subprocess.Popen(
            [executable, command, "--config", str(self.config), *others],
            env=self._environment, cwd=self.directory, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, stdin=stdin,
        )  # fmt: skip
        self._started.append(process)
        return process

    def outbox(self) -> Outbox:
        """Opens the outbox."""
        return Outbox.open(Delivery(database=Secret(f"sqlite:///{self.directory}/outbox.db")))

    def status(self) -> Any:
        """Returns what the command says."""
        return json.loads(self.run("status", "--json").stdout or b"{}")

    def close(self) -> None:
        """Ends what is left."""
        for process in self._started:
            if process.returncode is None:
                kill(process)


def kill(process: subprocess.Popen[bytes]) -> str:
    """Kills a command as a power cut does, and returns what it had printed."""
    process.kill()
    return process.communicate()[1].decode()


def stop(process: subprocess.Popen[bytes]) -> str:
    """Ends a command as an operator does, and returns what it printed."""
    process.send_signal(signal.SIGTERM)
    stderr = process.communicate(timeout=60)[1].decode()
    assert process.returncode == 0, stderr
    assert "Traceback" not in stderr, stderr
    return stderr


@pytest.fixture
def site(tmp_path: Path, plain_installation: Installation) -> Iterator[Site]:
    """Returns the commands; the file is written by `configure`."""
    made = Site(tmp_path, plain_installation)
    yield made
    made.close()


@pytest.fixture
def make_consumer() -> Iterator[Callable[[], Consumer]]:
    """Makes consumers that understand ids."""
    made: list[Consumer] = []

    def make() -> Consumer:
        made.append(Consumer())
        return made[-1]

    yield make
    for consumer in made:
        consumer.stop()


@pytest.fixture
def consumer(make_consumer: Callable[[], Consumer]) -> Consumer:
    """Returns a consumer that understands ids."""
    return make_consumer()


__all__ = ["Logs"]
