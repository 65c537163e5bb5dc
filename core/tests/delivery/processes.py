"""Processes for the kill tests: ``python processes.py produce|send DATABASE …``, to be ended by kill -9."""

from __future__ import annotations

import itertools
import sys
import threading
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))  # this file runs as a script, outside of pytest

from delivery.consumer import PlainStandard
from learnrelay.config.models import Batch, Delivery, Destination, Retry
from learnrelay.delivery import EmbeddedEngine, Outbox, Parcel
from learnrelay.secrets import Secret


def produce(outbox: Outbox, run: str) -> None:
    """Emit for two destinations without end; an id is printed when its put() has returned."""
    for number in itertools.count():
        parcels = [
            Parcel("plain", i, "video.played", b'{"id":"%s"}' % i.encode(), ("a", "b"))
            for i in (f"{run}-{number}-{part}" for part in range(1 + number % 5))
        ]
        outbox.put(parcels)
        sys.stdout.write("".join(f"{parcel.statement_id}\n" for parcel in parcels))
        sys.stdout.flush()


def send(outbox: Outbox, *urls: str) -> None:
    """Deliver to the two destinations without end."""
    destinations = {
        name: Destination(name, "plain", url, "all", batch=Batch(20, 0.05), retry=Retry(backoff=0.2, ceiling=1))
        for name, url in zip("ab", urls, strict=True)
    }
    EmbeddedEngine(outbox, destinations, {"plain": PlainStandard()}).start()
    threading.Event().wait()


if __name__ == "__main__":
    role, database, *rest = sys.argv[1:]
    opened = Outbox.open(Delivery(database=Secret(database), lease=1.0, wait=30.0))
    sys.stderr.write("up\n")
    sys.stderr.flush()
    if role == "produce":
        produce(opened, *rest)
    else:
        send(opened, *rest)
