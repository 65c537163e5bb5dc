"""Processes for the kill tests: ``python processes.py produce|send|spool|take DATABASE …``, to be ended by kill -9."""

from __future__ import annotations

import itertools
import random
import sys
import threading
import time
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))  # this file runs as a script, outside of pytest

from delivery.consumer import PlainStandard
from destinations import http_destination, http_sinks
from learnrelay.config.models import BatchLimits, Delivery, Destination, Retry
from learnrelay.config.secrets import Secret
from learnrelay.core_sinks.files import FilesSink
from learnrelay.delivery import EmbeddedEngine
from learnrelay.delivery.leases import LeaseKeeper
from learnrelay.errors import OutboxError
from learnrelay.outbox import Outbox, OutgoingStatement
from learnrelay.outbox.intake_policy import Intake
from learnrelay.sinks import Batch, SinkAnswer


def produce(outbox: Outbox, run: str) -> None:
    """Emits for two destinations without end; prints an id when its put() has returned."""
    for number in itertools.count():
        statements = [
            OutgoingStatement("plain", i, "video.played", b'{"id":"%s"}' % i.encode(), ("a", "b"))
            for i in (f"{run}-{number}-{part}" for part in range(1 + number % 5))
        ]
        outbox.put(statements)
        sys.stdout.write("".join(f"{statement.statement_id}\n" for statement in statements))
        sys.stdout.flush()


def send(outbox: Outbox, *urls: str) -> None:
    """Delivers to the two destinations without end."""
    destinations = {
        name: http_destination(
            name, "plain", url, "all", batch=BatchLimits(20, 0.05), retry=Retry(backoff=0.2, ceiling=1)
        )
        for name, url in zip("ab", urls, strict=True)
    }
    EmbeddedEngine(outbox, destinations, http_sinks()).start()
    threading.Event().wait()


class SleepySink(FilesSink):
    """Sleeps between sending and the settlement, so that kills and the ends of leases come there."""

    def send(self, batch: Batch) -> SinkAnswer:
        answer = super().send(batch)
        time.sleep(random.choice([0.0, 0.0, 0.3, 1.5]))
        return answer


def store(outbox: Outbox, folder: str) -> None:
    """Delivers the first destination into files without end; its leases end while a batch is under way."""
    settings = {"folder": folder, "compress": "none"}
    destination = Destination("a", "plain", "all", "files", settings, batch=BatchLimits(20, 0.05))
    LeaseKeeper.keep_renewed = lambda *_: nullcontext()  # type: ignore[assignment, method-assign, return-value]
    EmbeddedEngine(outbox, {"a": destination}, lambda to: SleepySink(to.settings, PlainStandard(), to)).start()
    threading.Event().wait()


def spool(outbox: Outbox, run: str) -> None:
    """Emits into the spool without end; prints an id when it is stored."""
    intake = Intake(outbox, sys.exit)
    for number in itertools.count():
        statement_id = f"{run}-{number}"
        payload = b'{"id":"%s","filling":"%s"}' % (statement_id.encode(), b"x" * (number % 3000))
        intake.put([OutgoingStatement("plain", statement_id, "video.played", payload, ("a", "b"))])
        sys.stdout.write(f"{statement_id}\n")
        sys.stdout.flush()


def take(outbox: Outbox) -> None:
    """Takes the spool in without end; prints a line before."""
    sys.stdout.write("taking\n")
    sys.stdout.flush()
    while True:
        try:
            outbox.take_in()
        except OutboxError as error:
            sys.stderr.write(f"{error}\n")


if __name__ == "__main__":
    role, database, *rest = sys.argv[1:]
    settings = Delivery(database=Secret(database), lease=1.0, wait=30.0)
    if role in ("spool", "take"):
        settings = replace(settings, wait=1.0, intake="spool", spool=Path(rest.pop(0)))
    opened = Outbox.open(settings)
    sys.stderr.write("up\n")
    sys.stderr.flush()
    if role == "produce":
        produce(opened, *rest)
    elif role == "spool":
        spool(opened, *rest)
    elif role == "store":
        store(opened, *rest)
    elif role == "take":
        take(opened)
    else:
        send(opened, *rest)
