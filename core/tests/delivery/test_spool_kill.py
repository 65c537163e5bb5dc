"""kill -9 of emitters and readers of a spool, at any moment, with a database that freezes: none lost, none twice."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

from sqlalchemy import make_url

from learnrelay.config.secrets import Secret
from learnrelay.outbox import Outbox

from .proxy import Proxy

TAKING = "taking"  # what a reader prints
SCRIPT = Path(__file__).with_name("processes.py")
KILLS = 12


class Process:
    """One of `processes.py`; ``lines`` are those that it has printed whole."""

    def __init__(self, *arguments: str | Path) -> None:
        self.lines: list[str] = []
        self._process = subprocess.Popen(
            [sys.executable, SCRIPT, *arguments], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        assert self._process.stdout is not None
        self.lines.extend(line.strip() for line in self._process.stdout if line.endswith("\n"))

    def wait_until_up(self) -> None:
        """Waits for the first line."""
        until = time.monotonic() + 60
        while not self.lines and time.monotonic() < until:
            time.sleep(0.01)

    def kill(self) -> None:
        self._process.send_signal(signal.SIGKILL)
        self._process.wait()
        self._reader.join()


def test_each_acknowledged_emit_is_stored_once(
    database_url: Secret, open_outbox: Callable[..., Outbox], tmp_path: Path
) -> None:
    folder, rng = tmp_path / "spool", random.Random()
    outbox = open_outbox(spool=folder)
    address, proxy = database_url.reveal(), None
    if outbox.database.has_server:
        proxy = Proxy.before(address)
        address = make_url(address).set(host="127.0.0.1", port=proxy.port).render_as_string(hide_password=False)
    runs = iter(range(1000))
    make: dict[str, Callable[[], Process]] = {
        "spool": lambda: Process("spool", address, folder, f"r{next(runs)}"),
        "take": lambda: Process("take", address, folder),
    }
    running = [(role, make[role]()) for role in ("spool", "spool", "spool", "take", "take")]
    ended: list[Process] = []
    while len(ended) < KILLS:
        time.sleep(rng.uniform(0.1, 0.6))
        if proxy is not None:
            if rng.random() < 0.3:
                proxy.frozen.set()
            else:
                proxy.frozen.clear()
        role, process = running.pop(rng.randrange(len(running)))
        process.wait_until_up()
        process.kill()
        ended.append(process)
        running.append((role, make[role]()))
    for _, process in running:
        process.kill()
        ended.append(process)
    if proxy is not None:
        proxy.close()
        time.sleep(0.2)
    outbox.take_in()

    acknowledged = {statement_id for process in ended for statement_id in process.lines} - {TAKING}
    with outbox.database.transaction(write=False) as transaction:
        stored = {row[0] for row in transaction.execute("SELECT statement_id FROM learnrelay_statement")}
    assert len(acknowledged) > 100
    assert acknowledged <= stored
    assert len(stored - acknowledged) <= len(ended)  # stored, but killed before it could say so
    for status in outbox.status().values():
        assert (status.accepted, status.duplicates) == (len(stored), 0)  # a second time would count as a duplicate
    assert outbox.read_spool_status().segments == 0
    assert list(folder.glob("*.segment")) == []
