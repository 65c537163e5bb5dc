"""Runs learnrelay in a web process, a script or a worker, through one object: `Relay`."""

from __future__ import annotations

import atexit
import logging
import math
import sys
import threading
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal, Self

from . import forks
from .assembly.assemble import Assembly, assemble
from .config.sealing import Seal
from .delivery import EmbeddedEngine, Engine, StoringEngine
from .delivery.drain import IMMEDIATELY
from .delivery.engine import QueueWorker, Wake, WorkerFactories
from .delivery.leases import LeaseKeeper
from .errors import EventError, OutboxError, UnreadableEventError, forget_frames
from .events import SourceEvent, refuse_above_limit
from .lookups.identity import identity_id
from .outbox import Outbox, OutgoingStatement
from .outbox.erasure import record_identity
from .outbox.intake_policy import Intake
from .outbox.outbox import GRACE
from .outbox.outgoing import CriticalEvents, outgoing_statements
from .outbox.queue import DEFERRED, SPOOL
from .outbox.spool import SpoolRecord
from .outbox.statistics import LOOK_INTERVAL, Recorder
from .outbox.time_limits import time_limit
from .pipeline.run import Outcome, OutcomeState, Pipeline, unavailable_provider, unmapped_outcome
from .privacy.pruning import compile_pruners
from .taps.tapped_pipeline import Tap, TapWatch

if TYPE_CHECKING:
    from .outbox.deferred import Deferral

log = logging.getLogger(__name__)

RawEvent = Mapping[str, Any] | bytes | str
Trust = Literal["platform", "client"]

EXIT_TIMEOUT = 1.5
"""Seconds that relays have at the end of a process to send what waits for a batch to fill, and to free their leases."""
_CLOSING = 2.0  # seconds for what is written after the last delivery


class Relay:
    """Accepts events, stores their statements for the destinations, and delivers them in the background.

    ::

        with Relay.from_file("relay.toml") as relay:
            relay.emit(event)

    `emit` returns when the statements are stored durably: it never waits for a destination or a broker, and for the
    database no longer than ``delivery.wait``. Threads may share a relay, and so may forked processes: each gets threads
    and connections of its own when it emits. A relay that is still open when its process ends is closed then, within
    `EXIT_TIMEOUT` seconds.
    """

    def __init__(self, assembly: Assembly, engine: str | None = None) -> None:
        """Opens the outbox, and logs the warnings of the configuration. Raises OutboxError.

        ``engine`` is used instead of ``delivery.engine``.
        """
        for warning in assembly.config.warnings:
            log.warning("%s: %s", assembly.config.path, warning)
        self.assembly = assembly
        self.pipeline = Pipeline(assembly.plan, only_routed=True)
        self.outbox = Outbox.open(assembly.config.delivery)
        self._record_identity()
        self._critical = CriticalEvents(assembly)
        self._engine_name = engine or assembly.config.delivery.engine
        self._tap_watch = TapWatch(assembly)
        self._taps: tuple[Tap, ...] = ()
        self._looked_at = -math.inf
        self._recorder = Recorder(
            self.outbox,
            list(assembly.standards),
            in_background=self._engine_name != "none",
            look=self._look_for_taps,
        )
        self._intake = Intake(self.outbox, self._recorder.count_refusals)
        key = assembly.config.delivery.key
        self._seal = Seal(key) if key is not None else None
        self._deferral = self._make_deferral()
        self._lock = threading.RLock()
        self._engine: Engine | None = self._make_engine()
        self._started = self._starts_in_child = False
        forks.register(self, Relay._renew)

    def _record_identity(self) -> None:
        try:
            identity = identity_id(self.assembly.identity)
        except Exception as error:  # whatever a provider raises that is away
            log.warning(
                "identity provider: %s; the next start records its secret's id for `forget`", type(error).__name__
            )
            return
        prepare = self.outbox.database.prepare
        if prepare is None:
            record_identity(self.outbox, identity)
            return

        def prepare_and_record() -> None:
            prepare()
            record_identity(self.outbox, identity)

        self.outbox.database.prepare = prepare_and_record

    @classmethod
    def from_file(cls, path: str | Path, engine: str | None = None) -> Self:
        """Assembles the operator's file. Raises ConfigurationError with all its problems, or OutboxError.

        ``engine`` is used instead of ``delivery.engine``.
        """
        return cls(assemble(Path(path)), engine)

    def emit(self, event: RawEvent) -> list[Outcome]:
        """Processes one event: an object in a shape of the source, or a line of its log; at most 1 MiB as JSON.

        An object whose name no mapping has is not read any further: it costs a look-up, and waits for nothing.

        Returns its outcome for each standard; an event that fails is an outcome, not an exception. The list is empty
        for an event that is deferred: to the worker (``delivery.pipeline``), or, with a ``delivery.key``, until the
        identity provider answers. Raises OutboxError or OutboxFullError, within ``delivery.wait``, when the event or
        its statements could not be stored; then none of them is, and the event is counted as not stored.
        """
        return self.emit_all([event])[0]

    def emit_all(self, events: Iterable[RawEvent], *, trust: Trust = "platform") -> list[list[Outcome]]:
        """Processes several events as `emit` does, and stores what comes of them in one transaction, all or nothing.

        ``trust``: whose word they are, as in `learnrelay.config.InputConfig`.
        """
        forks.notice_fork()
        if self not in _open_relays:
            _close_at_exit(self)
        in_worker = self.assembly.config.delivery.pipeline == "worker"
        results: list[list[Outcome]] = []
        rows: list[OutgoingStatement] = []
        number, was_read = 0, False
        for raw in events:
            if (unmapped := self._unmapped_outcome(raw)) is not None:
                results.append([unmapped])
                continue
            was_read = True
            event = self.read(raw, trust)
            if isinstance(event, Outcome):
                results.append([event])
                continue
            row = self._seal_event(event) if in_worker else None
            outcomes, statements = self.process_or_defer(event) if row is None else ([], [row])
            results.append(outcomes)
            rows += statements
            number += bool(statements)
        with time_limit(self.outbox.settings.wait + GRACE):
            if rows:
                self.wake(self._intake.put(rows, number))
            self._recorder.count(results, may_write=was_read)
        return results

    def _unmapped_outcome(self, raw: RawEvent) -> Outcome | None:
        """Returns the outcome of an object that no mapping takes, by its name alone; None for all others.

        A platform emits an event for each web request, and most of them are such.
        """
        if isinstance(raw, (bytes, str)) or self._taps or not isinstance(raw, Mapping):
            return None
        name = self.assembly.source.peek_name(raw)
        return None if name is None or self.pipeline.maps(name) else unmapped_outcome(name)

    def count_refusals(self, reason: str, events: int) -> None:
        """Counts events that the caller could not hand over, with those that could not be stored."""
        self._recorder.count_refusals(reason, events)

    def process(self, event: SourceEvent) -> tuple[list[Outcome], list[OutgoingStatement]]:
        """Runs the pipeline on an event. Returns the outcomes and the statements for the outbox; stores nothing."""
        outcomes = self.pipeline.process(event)
        if self._taps:
            for tap in self._taps:
                tap.show(event, outcomes)
        statements: list[OutgoingStatement] = []
        for outcome in outcomes:
            if outcome.statements or outcome.own:
                statements += outgoing_statements(outcome, event.facts.moment, self._critical)
        return outcomes, statements

    def _look_for_taps(self) -> None:
        self._looked_at = time.monotonic()
        self._taps = self._tap_watch.look()

    def look_for_taps_if_due(self) -> None:
        """Looks for taps in a process that may emit no event: then nothing else does."""
        if time.monotonic() - self._looked_at >= LOOK_INTERVAL:
            self._look_for_taps()

    def _process_deferred(self, event: SourceEvent) -> tuple[list[Outcome], list[OutgoingStatement]]:
        self.look_for_taps_if_due()
        return self.process(event)

    def process_or_defer(self, event: SourceEvent) -> tuple[list[Outcome], list[OutgoingStatement]]:
        """Does the same, but defers an event for which a provider is unavailable, where there is a key to seal it."""
        outcomes, statements = self.process(event)
        if unavailable_provider(outcomes) and (row := self._seal_event(event)) is not None:
            return [], [row]
        return outcomes, statements

    def _seal_event(self, event: SourceEvent) -> OutgoingStatement | None:
        return None if self._deferral is None else self._deferral.seal(event)

    def wake(self, arrivals: Mapping[str, int]) -> None:
        self.start()
        if self._started:
            for name, number in arrivals.items():
                self.engine.wake(name, number)

    def read(self, raw: RawEvent, trust: Trust = "platform") -> SourceEvent | Outcome:
        """Reads an event; what is none is an outcome."""
        source = self.assembly.source
        try:
            if isinstance(raw, (bytes, str)):
                line = raw.encode() if isinstance(raw, str) else raw
                refuse_above_limit(line)
                event = source.event_from_line(line)
            elif isinstance(raw, Mapping):
                event = source.event_from_mapping(raw)
            else:
                kind = type(raw).__name__
                raise UnreadableEventError(f"expected an object, or a line of a tracking log, got {kind}")
        except EventError as error:
            for tap in self._taps:
                tap.show_unreadable(error.reason)
            forget_frames(error)
            return Outcome("", OutcomeState.FAILED, reason=error.reason, error=error)
        return event if trust == "platform" else source.reader.distrust(event)

    def _make_deferral(self) -> Deferral | None:
        if self._seal is None:
            return None
        from .outbox.deferred import Deferral

        return Deferral(
            self.outbox.clock,
            compile_pruners(self.assembly.plan, self.assembly.registry, self.assembly.source.facts),
            self._seal,
        )

    @property
    def internal_queues(self) -> WorkerFactories:
        """Returns the internal queues of the outbox, with the factories of their workers.

        With a key, there is a queue of deferred events, even when no new ones are deferred.
        """
        if (seal := self._seal) is None:
            return {}
        from .delivery.deferred_worker import DeferredWorker

        def make(keeper: LeaseKeeper, wake: Wake) -> DeferredWorker:
            source, standards = self.assembly.source, list(self.assembly.standards)
            return DeferredWorker(self.outbox, source.reader, self._process_deferred, standards, seal, keeper, wake)

        return {DEFERRED: make}

    @property
    def queues(self) -> list[str]:
        """Lists the names of all queues, in the order of processing."""
        return [*self.internal_queues, *self.assembly.config.destinations]

    @property
    def engine(self) -> Engine:
        """Returns the engine of this process; after a fork, it is made when it is first needed."""
        with self._lock:
            if self._engine is None:
                self._engine = self._make_engine()
            return self._engine

    def _make_engine(self) -> Engine:
        config = self.assembly.config
        if self._engine_name == "none":
            return StoringEngine(self.outbox, self.queues)
        if self._engine_name == "celery":
            from .delivery.celery_engine import CeleryEngine

            return CeleryEngine(config.delivery, self.outbox, self.queues)
        from .delivery.spool_worker import SpoolWorker

        def make_spool_worker(_keeper: LeaseKeeper, wake: Wake) -> QueueWorker:
            return SpoolWorker(self.outbox, wake)

        factories = {SPOOL: make_spool_worker, **self.internal_queues}
        return EmbeddedEngine(self.outbox, config.destinations, self.assembly.make_sink, factories)

    def process_deferred(self) -> int:
        """Takes in the spool, processes the deferred events that no worker holds, and returns how many are left."""
        self.outbox.take_in()
        if (make := self.internal_queues.get(DEFERRED)) is not None:
            self.outbox.queue(DEFERRED).resume()  # what failed a moment ago may be processed now
            keeper = LeaseKeeper(self.outbox.settings.lease)
            worker = make(keeper, self.engine.wake)
            while worker.step() is IMMEDIATELY:
                pass
            keeper.close()
        return self.outbox.status([DEFERRED])[DEFERRED].waiting

    def start(self) -> None:
        """Starts the delivery in the background, once. In a process that uwsgi will fork, its children start it."""
        forks.notice_fork()
        with self._lock:
            if self._started:
                return
            if forks.awaits_fork():
                self._starts_in_child = True
                return
            self._started = True
            _close_at_exit(self)
            self.engine.start()

    def _renew(self) -> None:
        """Forgets the parent's engine. A child starts its own when it emits, or at once when the parent may not."""
        _open_relays.discard(self)
        self._lock = threading.RLock()
        self._engine, self._started = None, False
        if self._starts_in_child and not forks.awaits_fork():
            self._starts_in_child = False
            self.start()

    def close(self, timeout: float = 10.0) -> None:
        """Stops the delivery: deliveries under way are finished or released within ``timeout`` seconds.

        Statements that wait for a batch to fill are sent.
        """
        forks.notice_fork()
        deadline = time.monotonic() + timeout
        with time_limit(timeout + _CLOSING):  # however slow the database is
            self._recorder.close(timeout)
            if self._engine is not None:
                self._engine.stop(max(0.0, deadline - time.monotonic()))
        if refused := self._recorder.unwritten_refusals:
            try:
                self.outbox.spool.append(SpoolRecord(refused=refused))
            except OutboxError as error:
                log.error("counts of events that were not stored are lost: %s", error)
        self.outbox.close()
        _open_relays.discard(self)

    def __enter__(self) -> Self:
        """Returns the relay."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """Closes the relay."""
        self.close()


_open_relays: set[Relay] = set()
"""Relays that have emitted or delivered in this process."""


def _close_at_exit(relay: Relay) -> None:
    """Closes a relay when this process ends.

    Celery's pool and multiprocessing end their processes without the functions of `atexit`, but with their own.
    """
    _open_relays.add(relay)
    if (celery := sys.modules.get("celery.signals")) is not None:
        celery.worker_process_shutdown.connect(_close_open_relays, dispatch_uid=__name__, weak=False)
    processes, util = sys.modules.get("multiprocessing.process"), sys.modules.get("multiprocessing.util")
    if processes is not None and util is not None and processes.parent_process() is not None:
        util.Finalize(None, _close_open_relays, exitpriority=0)


@atexit.register
def _close_open_relays(**_: object) -> None:
    deadline = time.monotonic() + EXIT_TIMEOUT
    for relay in list(_open_relays):
        relay.close(max(0.0, deadline - time.monotonic()))
