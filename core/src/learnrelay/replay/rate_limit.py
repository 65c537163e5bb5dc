"""Limits the requests to a destination, for all processes of a replay together."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import nullcontext
from multiprocessing.context import BaseContext
from typing import TypeVar

T = TypeVar("T")

SEND_THREADS = 4
"""Requests of a process that are in flight to a destination, unless the operator sets another number."""


class RateLimit:
    """Limits the requests to one destination. ``rate``: statements a second; ``requests``: at once; None: no limit.

    Created in the first process, and given to the others when they start.
    """

    def __init__(self, context: BaseContext, rate: float | None = None, requests: int | None = None) -> None:
        self._rate = rate
        self._next = context.Value("d", 0.0)
        self._paused_until = context.Value("d", 0.0)
        self._slots = context.Semaphore(requests) if requests else None
        self._has_accepted = context.Value("b", 0)

    def send(self, statements: int, request: Callable[[], T]) -> T:
        """Sends a request as soon as the limits permit."""
        with self._slots or nullcontext():
            while True:
                while (pause := self._paused_until.value - time.monotonic()) > 0:
                    time.sleep(pause)
                self._wait_for_turn(statements)
                if not self.is_paused:  # else all requests whose turn came meanwhile would go at once at its end
                    return request()

    def largest(self, size: int) -> int:
        """Returns the most statements for one request: ``size``, and no more than the rate permits in a second."""
        return size if self._rate is None else max(1, min(size, int(self._rate)))

    def _wait_for_turn(self, statements: int) -> None:
        if self._rate is None:
            return
        with self._next.get_lock():
            now = time.monotonic()  # one clock for all processes of a machine
            start = max(now, self._next.value)
            self._next.value = start + statements / self._rate
        time.sleep(start - now)

    @property
    def has_accepted(self) -> bool:
        """Tells whether the destination has ever accepted a request in this replay."""
        return bool(self._has_accepted.value)

    @has_accepted.setter
    def has_accepted(self, has_accepted: bool) -> None:
        self._has_accepted.value = has_accepted

    @property
    def is_paused(self) -> bool:
        """Tells whether sending is paused."""
        return bool(self._paused_until.value > time.monotonic())

    def pause(self, seconds: float) -> None:
        """Pauses sending in all processes."""
        with self._paused_until.get_lock():
            self._paused_until.value = max(self._paused_until.value, time.monotonic() + seconds)
