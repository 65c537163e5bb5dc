"""`Relay`: the whole of learnrelay behind one object, for a web process, a script or a worker."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import datetime
from fnmatch import fnmatchcase
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from .assembly import Assembly, assemble
from .delivery import EmbeddedEngine, Engine, Outbox, Parcel
from .errors import EventError
from .events import SourceEvent, event_from_line, event_from_mapping
from .kinds import moment
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
        self.engine = self._engine()
        self._critical = critical_events(assembly)
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
        source = self._read(event)
        if isinstance(source, Outcome):
            return [source]
        outcomes = self.pipeline.process(source)
        when = moment(source.body["timestamp"])
        if parcels := [parcel for outcome in outcomes for parcel in parcels_of(outcome, when, self._critical)]:
            self.outbox.put(parcels)
            self.start()
            for name, arrivals in Counter(name for parcel in parcels for name in parcel.destinations).items():
                self.engine.wake(name, arrivals)
        return outcomes

    @staticmethod
    def _read(event: Mapping[str, Any] | bytes | str) -> SourceEvent | Outcome:
        try:
            if isinstance(event, Mapping):
                return event_from_mapping(event)
            return event_from_line(event.encode() if isinstance(event, str) else event)
        except EventError as error:
            return Outcome("", State.FAILED, reason=error.reason, error=error)

    def _engine(self) -> Engine:
        config = self.assembly.config
        if config.delivery.engine == "celery":
            from .delivery.celery_engine import CeleryEngine

            return CeleryEngine(config.delivery)
        return EmbeddedEngine(self.outbox, config.destinations, self.assembly.standards)

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


def critical_events(assembly: Assembly) -> frozenset[tuple[str, str]]:
    """(standard, event name) of the events whose statements retention never drops."""
    named = assembly.config.delivery.critical
    return frozenset(
        (standard, event)
        for (standard, event), transformer in assembly.table.items()
        if (transformer.critical if named is None else _named(named, event, transformer.family))
    )


def _named(patterns: tuple[str, ...], event: str, family: str) -> bool:
    return any(fnmatchcase(event, pattern) or fnmatchcase(family, pattern) for pattern in patterns)


def parcels_of(
    outcome: Outcome, when: datetime | None, critical: frozenset[tuple[str, str]] = frozenset()
) -> list[Parcel]:
    """What the outbox keeps of an outcome: a parcel for each statement that any destination may have."""
    is_critical = (outcome.standard, outcome.event) in critical
    told = [(outcome.statements, outcome.destinations)] if outcome.destinations else []
    told += [(statements, (name,)) for name, statements in outcome.own.items()]
    return [
        Parcel(outcome.standard, statement["id"], outcome.event, serialise(statement), destinations, is_critical, when)
        for statements, destinations in told
        for statement in statements
    ]
