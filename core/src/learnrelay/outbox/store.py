"""Holds the database, settings and clock that queues, dead letters, statistics and erasure share.

These take a `Store`; `Outbox` is the store that offers all of them.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime

from .. import forks
from ..config.models import Delivery
from .database import Database

Clock = Callable[[], float]
"""Returns seconds since 1970, UTC. Injected, so that tests can let hours pass."""


def utc(seconds: float) -> datetime:
    """Converts seconds since 1970 to a time."""
    return datetime.fromtimestamp(seconds, UTC)


class Store:
    """Holds the database, the settings and the clock of an outbox. Threads may share it.

    ``clock`` tells the time that all processes share, ``elapsed`` counts seconds whatever happens to a clock.
    ``alert_due`` is set when a destination goes down in this process: there may be an alert to raise.
    """

    def __init__(
        self, database: Database, settings: Delivery, clock: Clock = time.time, elapsed: Clock = time.monotonic
    ) -> None:
        self.database = database
        self.settings = settings
        self.clock = clock
        self.elapsed = elapsed
        self.alert_due = threading.Event()
        self._room = threading.Condition()
        forks.register(self, Store._renew)

    def _renew(self) -> None:
        """Replaces the locks."""
        self.alert_due = threading.Event()
        self._room = threading.Condition()

    def made_room(self) -> None:
        """Wakes the threads that wait for room."""
        with self._room:
            self._room.notify_all()

    def wait_for_room(self, seconds: float) -> None:
        """Waits until this process has made room, for at most ``seconds``."""
        with self._room:
            self._room.wait(seconds)
