"""Defines a sink, which sends batches of statements to one kind of consumer.

The core owns the outbox, leases, backoff, bisection, dead letters, rates and alerts; a sink sends one batch and says
what became of it. With the core come ``http`` (the protocol of the destination's standard), ``log`` and ``files``.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from typing import TYPE_CHECKING, Any, ClassVar

import marshmallow

from .errors import SinkError
from .http_section import HttpSection
from .probes import ProbeResult
from .standards import SerializedStatement, Standard, Verdict

if TYPE_CHECKING:
    from .config.models import Destination

__all__ = ["Batch", "HttpSection", "ProbeResult", "Repeats", "Sink", "SinkAnswer", "SinkError", "Verdict"]


class Repeats(Enum):
    """Says what makes it harmless that a batch is sent again: a worker may be killed before it records the answer."""

    BY_STATEMENT = "by statement"
    """The consumer knows statements by their ids, so any of them may be sent again, in any company."""
    BY_BATCH = "by batch"
    """The consumer knows batches by `Batch.id`. The core records the members of a batch before it is sent, and keeps
    them together until it is settled."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Holds statements to send, oldest first; at least one.

    ``id``: for a sink whose repeats are `Repeats.BY_BATCH`, the same in every repeat: at most 60 letters, digits and
    hyphens, unique for the destination; else empty. The members are the same too, but for those that `learnrelay
    forget` has removed meanwhile. ``now``: UTC, another one in each repeat.
    """

    statements: Sequence[SerializedStatement]
    id: str
    now: datetime


@dataclass(frozen=True, slots=True)
class SinkAnswer:
    """Says what became of a batch.

    ``reason`` is in the sink's own words, for logs, status and alerts: it holds no value of a statement, and no secret.
    ``consumer_text`` is the consumer's, which may repeat a statement: the core masks the destination's secrets in it,
    and keeps it with dead letters alone. ``retry_after``: seconds that the consumer asks to wait.

    ``reached``: the consumer may have taken some of the batch. Where it is False, no statement can be at fault.
    ``answered``: the consumer itself answered. A statement that keeps failing alone becomes a dead letter after
    ``retry.attempts`` answers; without answers it is tried on. ``status``: the status of an HTTP answer, else 0.

    ``stored``: the ids that the answer names as stored, where it names them; the others are sent again. None: the
    verdict is about all of them. ``refused``: id → the consumer's text, for statements that it will never take; with
    `Verdict.STORED` the others are stored, with `Verdict.REFUSED` they are sent again without these.
    """

    verdict: Verdict
    reason: str = ""
    consumer_text: str = ""
    retry_after: float = 0.0
    reached: bool = True
    answered: bool = True
    status: int = 0
    stored: Collection[str] | None = None
    refused: Mapping[str, str] = field(default_factory=dict)


class Sink(ABC):
    """Sends batches to one destination. Subclass it, contribute the class through ``register_sinks``.

    Each thread that sends has an instance of its own; a child of a fork makes new ones.

    Class attributes
        name: value of ``sink = …`` in ``[destinations.NAME]``, and name of the entry point.
        settings_schema: marshmallow schema of its own keys in the destination's table, beside the core's. Base it on
            `learnrelay.config.fields.Section`.
        repeats: what makes sending twice harmless.
        takes_voids: whether `learnrelay void` may send statements that void others; they may have no time.
    """

    name: ClassVar[str]
    settings_schema: ClassVar[type[marshmallow.Schema]]
    repeats: ClassVar[Repeats]
    takes_voids: ClassVar[bool] = True

    def __init__(self, settings: Mapping[str, Any], standard: Standard, destination: Destination) -> None:
        """Keeps the loaded settings, the standard of the statements and the destination. Opens nothing yet."""
        self.settings = settings
        self.standard = standard
        self.destination = destination

    @classmethod
    @abstractmethod
    def describe(cls, settings: Mapping[str, Any]) -> str:
        """Says on one line where the statements go, without secrets: for `check`, `status` and the data map."""

    @classmethod
    def warnings(cls, settings: Mapping[str, Any]) -> Iterable[tuple[str, str]]:
        """Yields (key, warning) for settings that are valid and risky. Secrets in clear text are the core's to find."""
        return ()

    @classmethod
    def problems(cls, settings: Mapping[str, Any], standard: Standard) -> Iterable[tuple[str, str]]:
        """Yields (key, reason) for settings that do not fit the standard of the destination."""
        return ()

    def open(self) -> None:  # noqa: B027  # nothing to open
        """Prepares for sending, before the first batch and again after `close`. Raises SinkError with the reason."""

    @abstractmethod
    def send(self, batch: Batch) -> SinkAnswer:
        """Sends a batch, within ``destination.timeout`` seconds, and says what became of it.

        What it raises counts as `Verdict.RETRY`, with the name of the exception's type as the reason.
        """

    def probe(self) -> ProbeResult:
        """Checks that the consumer is reached and lets us write, without sending a statement. May raise SinkError.

        `open` is called before. For ``learnrelay check --connect``.
        """
        return ProbeResult(True)

    def erase(self, names: Collection[str]) -> int | None:
        """Erases what the consumer holds of a learner, for `learnrelay forget`; returns the number of statements.

        ``names``: the learner's names in statements (`Standard.names`), in all spaces. None: it cannot erase. `open`
        is called before. May raise SinkError.
        """
        return None

    def close(self) -> None:  # noqa: B027  # nothing to close
        """Releases connections and files. `open` may follow."""
