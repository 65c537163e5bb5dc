"""Keeps the leases of requests that take long, so that nobody sends their statements again meanwhile."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from ..errors import OutboxError
from .queue import Queue


class LeaseKeeper:
    """One thread for all drains of a process; renews what has been under way for a third of a lease."""

    def __init__(self, lease: float) -> None:
        self._period = lease / 3
        self._under_way: dict[str, Queue] = {}
        self._lock = threading.Lock()
        self._closed = threading.Event()
        self._thread: threading.Thread | None = None

    @contextmanager
    def watch(self, queue: Queue, token: str) -> Iterator[None]:
        """Keep this claim for as long as the block lasts."""
        with self._lock:
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="learnrelay-leases", daemon=True)
                self._thread.start()
            self._under_way[token] = queue
        try:
            yield
        finally:
            with self._lock:
                self._under_way.pop(token, None)

    def _run(self) -> None:
        seen: set[str] = set()
        while not self._closed.wait(self._period):
            with self._lock:
                now = dict(self._under_way)
            for token in seen & now.keys():
                with suppress(OutboxError):  # the database is down: the next period tries again
                    now[token].renew(token)
            seen = set(now)

    def close(self) -> None:
        """End the thread."""
        self._closed.set()
