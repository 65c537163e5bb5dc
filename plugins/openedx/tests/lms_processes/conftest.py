"""A site: the Django project beside these tests, an operator's file, and the processes that run there."""

from __future__ import annotations

import os
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from learnrelay.config.models import Delivery
from learnrelay.config.secrets import Secret
from learnrelay.outbox import Outbox, Status
from relay_files import relay_toml
from services import server_program

PROJECT = Path(__file__).parent / "project"
PATIENCE = 60.0


class CampusSite:
    """A directory with the settings, the operator's file and the outbox of a site."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.config = directory / "relay.toml"
        self.outbox = directory / "outbox.db"
        self.environment = {
            **os.environ,
            "PYTHONPATH": os.pathsep.join([str(PROJECT), str(directory)]),
            "CAMPUS_DIRECTORY": str(directory),
            "DJANGO_SETTINGS_MODULE": "campus_lms.settings",
            "LEARNRELAY_CONFIG": str(self.config),
            "SECRET": "Kd7wq2Lmz9Xv4bTn",
        }
        self.processes: list[subprocess.Popen[bytes]] = []
        self.patch("")
        self.configure()

    def configure(self, *families: str, url: str = "http://127.0.0.1:9/xAPI/statements", **delivery: object) -> None:
        """Writes the operator's file: an outbox in SQLite, and one destination, which nobody reaches by default."""
        main = {"standard": "xapi", "url": url}
        usual = {"database": f"sqlite:///{self.outbox}", "spool": "spooled", "engine": "none", "wait": "250ms"}
        platform = {"root_url": "env:LMS_ROOT_URL", "source": "openedx"}
        families = families or ("xapi.enrollment",)
        self.config.write_text(
            relay_toml(families, destinations={"main": main}, platform=platform, delivery=usual | delivery), "utf-8"
        )

    def patch(self, settings: str) -> None:
        """Sets what is executed after all other settings."""
        (self.directory / "patch.py").write_text(settings, "utf-8")

    def start(self, *command: str, **environment: str) -> subprocess.Popen[bytes]:
        """Starts a program of this environment in a session of its own; it writes to a file of the directory."""
        program = server_program(command[0])
        with (self.directory / f"process{len(self.processes)}.log").open("wb") as log:
            self.processes.append(
                subprocess.Popen(
                    [program, *command[1:]], env={**self.environment, **environment}, cwd=self.directory, stdout=log,
                    stderr=log, start_new_session=True,
                )
            )  # fmt: skip
        return self.processes[-1]

    def run(self, code: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """Runs code in a process of the platform."""
        return self._run("-c", f"import django\ndjango.setup()\n{code}", **environment)

    def manage(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """Runs ``manage.py``."""
        return self._run(str(PROJECT / "manage.py"), *arguments, **environment)

    def _run(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, *arguments], env={**self.environment, **environment}, cwd=self.directory,
            capture_output=True, text=True, timeout=PATIENCE, check=False,
        )  # fmt: skip

    def logs(self) -> str:
        """Returns what all processes have written."""
        return "".join(path.read_text() for path in sorted(self.directory.glob("process*.log")))

    def stored(self) -> list[str]:
        """Returns the statements in the outbox."""
        payloads = "SELECT payload FROM learnrelay_statement"
        try:
            with sqlite3.connect(f"file:{self.outbox}?mode=ro", uri=True) as connection:
                return [bytes(payload).decode() for (payload,) in connection.execute(payloads)]
        except sqlite3.OperationalError:  # there is none yet
            return []

    @contextmanager
    def open_outbox(self, **delivery: Any) -> Iterator[Outbox]:
        """Opens the outbox in this process."""
        settings = {"database": Secret(f"sqlite:///{self.outbox}"), "spool": self.directory / "spooled", **delivery}
        outbox = Outbox.open(Delivery(**settings))
        yield outbox
        outbox.close()

    def take_in(self, **delivery: Any) -> Status:
        """Takes in the spool, as a worker does, and returns the status of the destination."""
        with self.open_outbox(**delivery) as outbox:
            outbox.take_in()
            return outbox.status(["main"])["main"]

    def enrolments(self) -> list[int]:
        """Returns the numbers of the enrolments in the outbox, each as often as it is stored."""
        return sorted(int(statement.partition("+N")[2].partition("+")[0]) for statement in self.stored())

    def end(self) -> None:
        """Kills what still runs."""
        for process in self.processes:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()


@pytest.fixture
def campus(tmp_path: Path) -> Iterator[CampusSite]:
    for module in ("eventtracking", "edx_django_utils", "edx_event_bus_redis"):
        if find_spec(module) is None:  # these cannot be imported without settings
            pytest.skip("what a site of Open edX runs is not installed (--group site)")
    made = CampusSite(tmp_path)
    yield made
    made.end()


def wait_until(is_so: Callable[[], bool], seconds: float = PATIENCE) -> bool:
    deadline = time.monotonic() + seconds
    while not is_so():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])
