"""Says in words how a destination is, for people."""

from __future__ import annotations

from typing import NamedTuple

from ..times import describe_span
from .outbox import Status

UNATTENDED = 60.0
"""Seconds without a look of a worker, while statements wait, after which nobody delivers."""


class QueueState(NamedTuple):
    """Holds the state of a queue in words, and the reason for it, which may have words of the consumer.

    word: ``ok``, ``unavailable``, ``halted``, ``nobody delivers`` or ``not in the file``.
    """

    word: str
    reason: str = ""

    def __str__(self) -> str:
        """Shows ``unavailable: HTTP 503``."""
        return f"{self.word}: {self.reason}" if self.reason else self.word


def describe_state(status: Status) -> QueueState:
    """Returns the state of a queue."""
    if status.orphaned:
        return QueueState("not in the file")
    if _is_unattended(status):
        return QueueState("nobody delivers")
    if status.paused:
        return QueueState("halted" if status.halted else "unavailable", status.paused)
    return QueueState("ok")


def describe_since(status: Status, now: float) -> str:
    """Returns for how long a destination has been failing, or nobody has delivered to it; empty when it is well."""
    if _is_unattended(status):
        return describe_span(status.unattended)
    if status.failing_since is None or status.failing_since > now:  # by a clock that is ahead
        return ""
    return describe_span(now - status.failing_since)


def describe_next_try(status: Status, now: float) -> str:
    """Returns when a consumer that fails is asked again; empty when it does not fail, or nobody asks."""
    if status.retry_at is None or _is_unattended(status):
        return ""
    return f"in {describe_span(status.retry_at - now)}" if status.retry_at > now else "now"


def _is_unattended(status: Status) -> bool:
    return not status.orphaned and (status.unattended or 0.0) >= UNATTENDED
