"""`Relay`: the whole of learnrelay behind one object, for a web process, a script or a worker."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from .assembly import Assembly, assemble
from .delivery import EmbeddedEngine, Outbox, Parcel
from .errors import EventError
from .events import event_from_line, event_from_mapping
from .pipeline import Outcome, Pipeline, State, serialise


class Relay:
    """Takes events, keeps what the destinations may have, and delivers it in the background.

    ::

        with Relay.from_file("relay.toml") as relay:
            relay.emit(event)

    `emit` returns when the statements are stored durably; the network is never waited for. Threads may share a relay;
    a process that forks should make one of its own afterwards.
    """

    def __init__(self, assembly: Assembly) -> None:
        """Open the outbox. Raises OutboxError."""
        self.assembly = assembly
        self.pipeline = Pipeline(assembly.plan)
        self.outbox = Outbox.open(assembly.config.delivery)
        self.engine = EmbeddedEngine(self.outbox, assembly.config.destinations, assembly.standards)
        self._started = False

    @classmethod
    def from_file(cls, path: str | Path) -> Self:
        """Assemble the operator's file. Raises ConfigurationError with all its problems, or OutboxError."""
        return cls(assemble(Path(path)))

    def emit(self, event: Mapping[str, Any] | bytes | str) -> list[Outcome]:
        """Take one event: an object of either shape, or a line of a tracking log.

        Returns what became of it for each standard; an event that fails is an outcome, not an exception. Raises
        OutboxError or OutboxFullError, when what it became could not be stored; then nothing of it is.
        """
        outcomes = self.process(event)
        if parcels := [parcel for outcome in outcomes for parcel in parcels_of(outcome)]:
            self.outbox.put(parcels)
            self.start()
            for name, arrivals in Counter(name for parcel in parcels for name in parcel.destinations).items():
                self.engine.wake(name, arrivals)
        return outcomes

    def process(self, event: Mapping[str, Any] | bytes | str) -> list[Outcome]:
        """The pipeline alone: what would become of an event. Stores nothing."""
        try:
            if isinstance(event, Mapping):
                source = event_from_mapping(event)
            else:
                source = event_from_line(event.encode() if isinstance(event, str) else event)
        except EventError as error:
            return [Outcome("", State.FAILED, reason=error.reason, error=error)]
        return self.pipeline.process(source)

    def start(self) -> None:
        """Start delivering in the background, if that is not done yet."""
        if not self._started:
            self._started = True
            self.engine.start()

    def close(self, timeout: float = 10.0) -> None:
        """Stop delivering: what is under way is finished or handed back within ``timeout`` seconds."""
        self.engine.stop(timeout)
        self.outbox.close()

    def __enter__(self) -> Self:
        """Itself."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """Close."""
        self.close()


def parcels_of(outcome: Outcome) -> list[Parcel]:
    """What the outbox keeps of an outcome: a parcel for each statement that any destination may have."""
    told = [(outcome.statements, outcome.destinations)] if outcome.destinations else []
    told += [(statements, (name,)) for name, statements in outcome.own.items()]
    return [
        Parcel(outcome.standard, statement["id"], outcome.event, serialise(statement), destinations)
        for statements, destinations in told
        for statement in statements
    ]
