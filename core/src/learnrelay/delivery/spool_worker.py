"""Takes this machine's spool into the outbox, as one of the workers of the embedded engine."""

from __future__ import annotations

import math

from ..outbox.outbox import Outbox
from ..outbox.queue import SPOOL
from .drain import POLL, NextWake
from .engine import Wake

_ROUND = 1.0  # seconds


class SpoolWorker:
    """Takes in what is spooled, round by round. Not shared between threads."""

    name = SPOOL

    def __init__(self, outbox: Outbox, wake: Wake) -> None:
        self._outbox = outbox
        self._wake = wake

    def step(self) -> NextWake:
        """Takes in what there is. Raises OutboxError when database or disk fail; call it again later."""
        arrivals = self._outbox.take_in(_ROUND)
        for name, number in arrivals.items():
            self._wake(name, number)
        # What comes in meanwhile is taken in together: one transaction for many events.
        return NextWake(POLL, math.inf)

    def stop(self) -> None:
        """Does nothing: a round is short."""

    def flush(self) -> None:
        """Does nothing: what is spooled stays for the next worker."""

    def abandon(self) -> None:
        """Does nothing: the worker claims nothing."""

    def close(self) -> None:
        """Does nothing: the worker has no connection of its own."""
