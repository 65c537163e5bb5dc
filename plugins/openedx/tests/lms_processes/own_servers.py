"""Servers that a test starts for itself, and may kill: a database, a broker and a consumer of statements."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from services import redis_server

from .conftest import free_port, wait_until

CONSUMER = Path(__file__).with_name("durable_consumer.py")
TESTS = Path(__file__).parents[4] / "core" / "tests"


class OwnServer:
    """Runs a server at a port of its own. Killed and started again, it has what was on its disk."""

    def __init__(self, command: Sequence[str], port: int, directory: Path, **environment: str) -> None:
        self._command = command
        self._directory = directory
        self._environment = {**os.environ, **environment}
        self.port = port
        self.start()

    def start(self) -> None:
        """Starts it, and waits until it takes connections."""
        with (self._directory / "server.log").open("ab") as log:
            self._process = subprocess.Popen(
                self._command, stdout=log, stderr=log, start_new_session=True, env=self._environment
            )
        assert wait_until(self._is_listening), (self._directory / "server.log").read_text()

    def kill(self) -> None:
        """Kills it with all its processes."""
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()

    def fail(self, seconds: float) -> None:
        """Kills it, and starts it again after so many seconds."""
        self.kill()
        time.sleep(seconds)
        self.start()

    def _is_listening(self) -> bool:
        with suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1):
            return True
        return False


class OwnRedis(OwnServer):
    """Runs a Redis that appends to a file, as Tutor's does."""

    def __init__(self, directory: Path) -> None:
        directory.mkdir()
        port = free_port()
        command = [redis_server(), "--bind", "127.0.0.1", "--port", str(port), "--dir", str(directory)]
        super().__init__([*command, "--save", "", "--appendonly", "yes"], port, directory)
        self.url = f"redis://127.0.0.1:{port}/0"


class OwnMariaDB(OwnServer):
    """Runs a MariaDB with an empty database."""

    def __init__(self, directory: Path) -> None:
        if not (server := shutil.which("mariadbd")):
            pytest.skip("mariadbd is not installed")
        directory.mkdir()
        user = [f"--user={_owner()}"]
        files = ["--no-defaults", f"--datadir={directory}/data", *user]
        install = ["mariadb-install-db", *files, "--auth-root-authentication-method=normal", "--skip-test-db"]
        subprocess.run(install, check=True, capture_output=True)
        port = free_port()
        address = ["--bind-address=127.0.0.1", f"--port={port}", f"--socket={directory}/socket"]
        super().__init__([server, *files, *address, "--innodb-buffer-pool-size=64M"], port, directory)
        client = ["mariadb", "--no-defaults", f"--socket={directory}/socket", "--user=root"]
        subprocess.run([*client, "--execute=CREATE DATABASE campus"], check=True, capture_output=True)
        self.url = f"mysql+pymysql://root@127.0.0.1:{port}/campus"


class OwnPostgres(OwnServer):
    """Runs a PostgreSQL, as its own user where the test is run by root, whom it refuses."""

    def __init__(self, directory: Path) -> None:
        folders = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
        if not folders:
            pytest.skip("PostgreSQL is not installed where Debian puts it")
        directory.mkdir()
        # The server takes the place of this program. Its child would be a zombie, which the next start takes for alive.
        prefix = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups", "--"] if os.getuid() == 0 else []
        if prefix:
            shutil.chown(directory, "postgres")
            for parent in directory.parents:  # that of pytest is for its user alone
                with suppress(OSError):
                    parent.chmod(parent.stat().st_mode | 0o011)
        data = f"{directory}/data"
        init = [*prefix, str(folders[-1] / "initdb"), "-D", data, "-U", "postgres", "--auth=trust"]
        subprocess.run(init, check=True, capture_output=True)
        port = free_port()
        command = [*prefix, str(folders[-1] / "postgres"), "-D", data, "-p", str(port), "-k", str(directory)]
        super().__init__([*command, "-h", "127.0.0.1"], port, directory)
        self.url = f"postgresql+psycopg://postgres@127.0.0.1:{port}/postgres"


class OwnConsumer(OwnServer):
    """Runs a consumer that writes what it gets to a file before it answers."""

    def __init__(self, directory: Path) -> None:
        directory.mkdir()
        self._file = directory / "statements.jsonl"
        self._read = 0
        self.received: Counter[str] = Counter()
        self.stored: dict[str, Any] = {}
        port = free_port()
        command = [sys.executable, str(CONSUMER), str(port), str(self._file)]
        super().__init__(command, port, directory, PYTHONPATH=str(TESTS))
        self.url = f"http://127.0.0.1:{port}/statements"

    def refresh(self) -> None:
        """Reads what came: ``received`` by ids, ``stored`` as a store does that keeps the first of each id."""
        with suppress(FileNotFoundError), self._file.open("rb") as file:
            file.seek(self._read)
            content = file.read()
            whole = content[: content.rfind(b"\n") + 1]
            self._read += len(whole)
            for statement in map(json.loads, whole.splitlines()):
                self.received[statement["id"]] += 1
                self.stored.setdefault(statement["id"], statement)


def _owner() -> str:
    import pwd

    return pwd.getpwuid(os.getuid()).pw_name
