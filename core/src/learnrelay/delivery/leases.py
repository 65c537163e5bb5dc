"""Renews the leases of requests that take long, so that no other worker sends their statements meanwhile."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from .. import forks
from ..errors import OutboxError
from ..outbox.queue import Queue


class LeaseKeeper:
    """Renews, in one thread for all drains of a process, each claim that is under way for a third of a lease."""

    def __init__(self, lease: float) -> None:
        self._period = lease / 3
        self._renew()
        forks.register(self, LeaseKeeper._renew)

    def _renew(self) -> None:
        """Begins without claims, which are the parent's, and without a thread."""
        self._under_way: dict[str, Queue] = {}
        self._lock = threading.Lock()
        self._closed = threading.Event()
        self._thread: threading.Thread | None = None

    @contextmanager
    def keep_renewed(self, queue: Queue, token: str) -> Iterator[None]:
        """Keeps a claim renewed for as long as the block lasts."""
        with self._lock:
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="learnrelay-leases", daemon=True)
                with suppress(RuntimeError):  # the interpreter is ending, and so is the claim
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
                    now[token].renew_lease(token)
            seen = set(now)

    def close(self) -> None:
        """Ends the thread."""
        self._closed.set()
