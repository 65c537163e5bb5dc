"""kill -9, ten times each, of a process that emits and of one that sends: nothing lost, nothing stored twice."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

from learnrelay.config.secrets import Secret
from learnrelay.outbox import Outbox

from .consumer import Consumer

KILLS = 10


def test_nothing_is_lost_and_nothing_stored_twice(
    database_url: Secret, open_outbox: Callable[..., Outbox], tmp_path: Path
) -> None:
    outbox = open_outbox()
    consumers = Consumer(), Consumer()
    acknowledged = tmp_path / "acknowledged"
    rng = random.Random(11)
    script = str(Path(__file__).with_name("processes.py"))

    def run(role: str, *arguments: str) -> subprocess.Popen[bytes]:
        with acknowledged.open("ab") as out:
            process = subprocess.Popen(
                [sys.executable, script, role, database_url.reveal(), *arguments],
                stdout=out,
                stderr=subprocess.PIPE,
            )
        assert process.stderr and process.stderr.readline() == b"up\n"
        return process

    def live_and_die(role: str, *arguments: str) -> None:
        for number in range(KILLS):
            process = run(role, *(arguments or (f"run{number}",)))
            time.sleep(0.2 + 0.5 * rng.random())  # as long as it happens to live
            process.send_signal(signal.SIGKILL)
            process.wait()

    urls = tuple(consumer.url for consumer in consumers)
    lives = [threading.Thread(target=live_and_die, args=args) for args in (("produce",), ("send", *urls))]
    for life in lives:
        life.start()
    for life in lives:
        life.join()

    emitted = [line for line in acknowledged.read_text().split("\n")[:-1] if line]
    assert len({line.split("-")[0] for line in emitted}) > KILLS / 2
    survivor = run("send", *urls)
    deadline = time.monotonic() + 300
    while any(s.waiting for s in outbox.status().values()) and time.monotonic() < deadline:
        threading.Event().wait(0.05)
    survivor.send_signal(signal.SIGKILL)
    survivor.wait()

    for consumer in consumers:
        assert not set(emitted) - consumer.stored.keys(), "lost"
        # What was put when the kill came, before its id was printed, may be there too: at most a put of each life.
        assert len(consumer.stored.keys() - set(emitted)) <= 5 * KILLS
        assert len(consumer.order) == len(set(consumer.order)), "stored twice"
        consumer.stop()
    a, b = outbox.status().values()
    assert a.accepted == a.delivered == b.delivered == len(consumers[0].stored)
    with outbox.database.transaction() as transaction:
        assert transaction.execute("SELECT COUNT(*) FROM learnrelay_statement") == [(0,)]
        if not outbox.database.has_server:
            assert transaction.execute("PRAGMA integrity_check") == [("ok",)]
