"""`Relay`: the whole of learnrelay behind one object, for a web process, a script or a worker."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Mapping
from datetime import datetime
from fnmatch import fnmatchcase
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from .assembly import Assembly, assemble
from .delivery import EmbeddedEngine, Engine, Outbox, Parcel
from .delivery.drain import AT_ONCE
from .delivery.engine import Makers, Wake
from .delivery.figures import Recorder
from .delivery.leases import LeaseKeeper
from .delivery.queue import DEFERRED
from .errors import EventError, TransformError, UnreadableEventError
from .events import SourceEvent, event_from_line, event_from_mapping, refuse_above_limit
from .kinds import moment
from .pipeline import Outcome, Pipeline, State
from .pruning import pruners
from .sealing import Seal

if TYPE_CHECKING:
    from .delivery.deferred import Deferral

log = logging.getLogger(__name__)


class Relay:
    """Takes events, keeps what the destinations may have, and delivers it in the background.

    ::

        with Relay.from_file("relay.toml") as relay:
            relay.emit(event)

    `emit` returns when the statements are stored durably; the network is never waited for. Threads may share a relay;
    a process that forks should make one of its own afterwards.
    """

    def __init__(self, assembly: Assembly) -> None:
        """Open the outbox, and log what the file is to be warned of. Raises OutboxError."""
        for warning in assembly.config.warnings:
            log.warning("%s: %s", assembly.config.path, warning)
        self.assembly = assembly
        self.pipeline = Pipeline(assembly.plan)
        self.outbox = Outbox.open(assembly.config.delivery)
        self._critical = critical_events(assembly)
        self._recorder = Recorder(self.outbox, list(assembly.standards))
        key = assembly.config.delivery.key
        self._seal = Seal(key) if key is not None else None
        self._deferral = self._make_deferral()
        self.engine = self._make_engine()
        self._started = False

    @classmethod
    def from_file(cls, path: str | Path) -> Self:
        """Assemble the operator's file. Raises ConfigurationError with all its problems, or OutboxError."""
        return cls(assemble(Path(path)))

    def emit(self, event: Mapping[str, Any] | bytes | str) -> list[Outcome]:
        """Take one event: an object of either shape, or a line of a tracking log; at most 1 MiB as JSON.

        Returns what became of it for each standard; an event that fails is an outcome, not an exception. Of an event
        that is left to the worker's pipeline (``delivery.pipeline``) nothing has become yet: an empty list. Raises
        OutboxError or OutboxFullError, when it or what it became could not be stored; then nothing of it is.
        """
        source = self._read(event)
        if isinstance(source, Outcome):
            self._recorder.count_unreadable(source.reason)
            return [source]
        if self._deferral is not None and self._deferral.put(source):
            self._arrived({DEFERRED: 1})
            return []
        outcomes, parcels = self.process(source)
        if parcels:
            self.outbox.put(parcels)
            self._arrived(Counter(name for parcel in parcels for name in parcel.destinations))
        self._recorder.count(outcomes)
        return outcomes

    def process(self, source: SourceEvent) -> tuple[list[Outcome], list[Parcel]]:
        """What becomes of an event, and what the outbox is to keep of that. Stores nothing."""
        outcomes = self.pipeline.process(source)
        when = moment(source.body["timestamp"]) if outcomes[0].standard else None
        parcels: list[Parcel] = []
        for number, outcome in enumerate(outcomes):
            try:
                parcels += parcels_of(outcome, when, self._critical)
            except TransformError as error:  # a plugin put something into a statement that JSON cannot say
                error.event_name, error.event_id = source.name, source.id
                log.warning("%s for %s: %s", type(error).__name__, outcome.standard, error)
                outcomes[number] = Outcome(
                    outcome.standard, State.FAILED, source.name, reason=error.reason, error=error
                )
        return outcomes, parcels

    def _arrived(self, arrivals: Mapping[str, int]) -> None:
        self.start()
        for name, number in arrivals.items():
            self.engine.wake(name, number)

    @staticmethod
    def _read(event: Mapping[str, Any] | bytes | str) -> SourceEvent | Outcome:
        try:
            if isinstance(event, Mapping):
                return event_from_mapping(event)
            if not isinstance(event, (bytes, str)):
                kind = type(event).__name__
                raise UnreadableEventError(f"expected an object, or a line of a tracking log, got {kind}")
            line = event.encode() if isinstance(event, str) else event
            refuse_above_limit(line)
            return event_from_line(line)
        except EventError as error:
            return Outcome("", State.FAILED, reason=error.reason, error=error)

    def _make_deferral(self) -> Deferral | None:
        if self._seal is None or self.assembly.config.delivery.pipeline != "worker":
            return None
        from .delivery.deferred import Deferral

        return Deferral(self.outbox, pruners(self.assembly.plan, self.assembly.registry), self._seal)

    @property
    def others(self) -> Makers:
        """Queues of the outbox that are no destination's, and who works on them.

        With a key, deferred events are worked off also when no new ones come.
        """
        if (seal := self._seal) is None:
            return {}
        from .delivery.deferred import Worker

        def make(keeper: LeaseKeeper, wake: Wake) -> Worker:
            return Worker(self.outbox, self.process, list(self.assembly.standards), seal, keeper, wake)

        return {DEFERRED: make}

    @property
    def queues(self) -> list[str]:
        """Names of all queues, in the order in which what waits moves on."""
        return [*self.others, *self.assembly.config.destinations]

    def _make_engine(self) -> Engine:
        config = self.assembly.config
        if config.delivery.engine == "celery":
            from .delivery.celery_engine import CeleryEngine

            return CeleryEngine(config.delivery)
        return EmbeddedEngine(self.outbox, config.destinations, self.assembly.standards, self.others)

    def work_off(self) -> int:
        """Run the pipeline on the deferred events that are free, here and now; says how many are left."""
        if (make := self.others.get(DEFERRED)) is not None:
            keeper = LeaseKeeper(self.outbox.settings.lease)
            worker = make(keeper, self.engine.wake)
            while worker.step() is AT_ONCE:
                pass
            keeper.close()
        return self.outbox.status([DEFERRED])[DEFERRED].waiting

    def start(self) -> None:
        """Start delivering in the background, if that is not done yet."""
        if not self._started:
            self._started = True
            self.engine.start()

    def close(self, timeout: float = 10.0) -> None:
        """Stop delivering: what is under way is finished or handed back within ``timeout`` seconds."""
        self.engine.stop(timeout)
        self._recorder.close()
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
        Parcel(outcome.standard, one.id, outcome.event, one.content, destinations, is_critical, when)
        for statements, destinations in told
        for one in statements
    ]
