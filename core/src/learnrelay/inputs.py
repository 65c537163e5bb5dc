"""Defines an input, which says where events come from, and remembers how far they have been stored.

::

    class TableInput(Input):
        name = "campus_table"
        settings_schema = TableSettings

        def open(self, position):
            self._last = position or 0

        def read(self, timeout):
            rows = self._rows_after(self._last)
            if not rows:
                time.sleep(timeout)
                return None
            self._last = rows[-1]["id"]
            return InputBatch(rows, [row["id"] for row in rows])

A source says what events look like and mean; an input does not look into them. The position of what has been stored is
committed to the outbox in one transaction with the statements: what was stored is never asked for again, what was not
stored is.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any, ClassVar, Literal

import marshmallow

from .errors import UnreadableEventError
from .probes import ProbeResult

__all__ = ["Input", "InputBatch", "InputEvent", "InputHost", "Position", "ProbeResult"]

Position = Any
"""A JSON value that names a place in what an input reads. It is stored, so it must hold no value of an event."""

InputEvent = bytes | Mapping[str, Any] | UnreadableEventError
"""A line, an object in a shape of the source, or what is no event and why."""


@dataclass(frozen=True, slots=True)
class InputBatch:
    """Holds events in their order, and for each the position behind it.

    ``positions`` has the length of ``events``. It may be made lazily: the core asks only for the positions at which it
    stores. ``trust``: "client" where whoever sent these events may say anything; then all of them count as sent by a
    browser. ``refused``: filled by the core, number of an event that cannot be read → reason.
    """

    events: Sequence[InputEvent]
    positions: Sequence[Position]
    trust: Literal["platform", "client"] = "platform"
    refused: dict[int, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class InputHost:
    """Tells an input about the relay that reads it.

    metrics: returns the metrics of the outbox as Prometheus reads them; empty without the extra ``metrics``.
    waiting_for: returns why nothing can be stored now; empty when all is well.
    """

    metrics: Callable[[], bytes] = lambda: b""
    waiting_for: Callable[[], str] = lambda: ""


class Input(ABC):
    """Reads events from somewhere. Subclass it, contribute the class through ``register_inputs``.

    One thread of one process at a time uses an input of the operator's file; the outbox sees to that. All methods may
    raise `learnrelay.Unavailable` or OSError when what they need does not answer: the core closes the input and opens
    it again later, at the position that is stored.

    Class attributes
        name: as in the operator's file, ``[inputs.NAME] input = …``.
        settings_schema: the other keys of that section.
        has_end: whether `read` raises EOFError at the end, so that a pause of the events is no end.
        is_waited_for: whether somebody waits for `commit`, so that what was read is stored in the outbox at once.
        is_holding_back: whether there are events that `read` gives later, so that a pause is no end yet.
        host: tells about the relay; the core sets it before `open`.
    """

    name: ClassVar[str]
    settings_schema: ClassVar[type[marshmallow.Schema]]
    has_end: ClassVar[bool] = False
    is_waited_for: ClassVar[bool] = False
    is_holding_back: bool = False

    def __init__(self, settings: Mapping[str, Any], key: bytes) -> None:
        """Keeps the validated settings. Opens nothing. ``key``: see `digest`."""
        self.settings = settings
        self.host = InputHost()
        self._key = key

    @classmethod
    def warnings(cls, settings: Mapping[str, Any]) -> Iterable[tuple[str, str]]:
        """Yields (key, warning) for settings that are valid and risky. Secrets in clear text are the core's to find."""
        return ()

    def digest(self, content: bytes) -> str:
        """Returns a keyed digest for positions, 16 hexadecimal digits: what people wrote cannot be tried out by it."""
        return blake2b(content, digest_size=8, key=self._key[:64]).hexdigest()

    @abstractmethod
    def open(self, position: Position | None) -> None:
        """Begins to read behind ``position``; None when nothing was stored yet."""

    @abstractmethod
    def read(self, timeout: float) -> InputBatch | None:
        """Returns the next events; None when none have come after about ``timeout`` seconds.

        Some hundreds at once are enough. Raises EOFError when none will ever come.
        """

    def commit(self, position: Position) -> None:  # noqa: B027  # only inputs that acknowledge need it
        """Takes note that everything up to ``position`` is stored. An acknowledgement belongs here, never before.

        It may not be called: for a process that is killed between the store and this call, `open` gets the position.
        """

    def close(self) -> None:  # noqa: B027  # only inputs that hold something need it
        """Releases what `open` took. Called after an error too."""

    def probe(self) -> ProbeResult:
        """Checks that what it reads can be reached, and says in a few words what was found.

        For ``learnrelay check --connect``, also while another process reads: it is not opened, and nothing is read,
        acknowledged, changed or kept. May raise OSError or `learnrelay.Unavailable` with the reason.
        """
        return ProbeResult(True)

    def lag(self) -> int | None:
        """Returns how many bytes, or events, are still to be read; None when it is not known. For the display."""
        return None
