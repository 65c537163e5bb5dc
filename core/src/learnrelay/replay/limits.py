"""How hard a destination is pressed: shared by all processes of a replay."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import nullcontext
from multiprocessing.context import BaseContext
from typing import TypeVar

T = TypeVar("T")

LANES = 4
"""Requests of a process that are in flight to a destination, where nothing else is asked."""


class Limits:
    """One destination's. ``rate``: statements a second; ``requests``: at once; None for as fast as it goes.

    Made in the first process and handed to the others when they start.
    """

    def __init__(self, context: BaseContext, rate: float | None = None, requests: int | None = None) -> None:
        self._rate = rate
        self._next = context.Value("d", 0.0)
        self._paused_until = context.Value("d", 0.0)
        self._slots = context.Semaphore(requests) if requests else None
        self._taken = context.Value("b", 0)

    def send(self, statements: int, request: Callable[[], T]) -> T:
        """Make a request when it may be made."""
        with self._slots or nullcontext():
            while True:
                while (pause := self._paused_until.value - time.monotonic()) > 0:
                    time.sleep(pause)
                self._wait_for_turn(statements)
                if not self.paused:  # else all whose turn came meanwhile would go at its end, at once
                    return request()

    def largest(self, size: int) -> int:
        """Statements of a request: what the destination takes, and no more than may go in a second."""
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
    def taken(self) -> bool:
        """Has the destination ever taken something in this replay?"""
        return bool(self._taken.value)

    @taken.setter
    def taken(self, taken: bool) -> None:
        self._taken.value = taken

    @property
    def paused(self) -> bool:
        """Is nobody to send now?"""
        return bool(self._paused_until.value > time.monotonic())

    def pause(self, seconds: float) -> None:
        """Let nobody send for so long."""
        with self._paused_until.get_lock():
            self._paused_until.value = max(self._paused_until.value, time.monotonic() + seconds)
