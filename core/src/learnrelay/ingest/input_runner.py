"""Runs one input: reads events, runs the pipeline, stores what comes of them together with the position behind them.

A statement is stored when its destination has acknowledged it, or when the outbox holds it. The position is committed
in the transaction that puts statements into the outbox; requests to destinations are answered before. So what is stored
is never read again, save the events of the requests that were under way, one for each destination, when the process was
killed: their statements are sent once more, with the same ids.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor

from ..config.models import InputConfig
from ..errors import (
    BlankLineError,
    GluedEventsError,
    LearnrelayError,
    OutboxError,
    OutboxFullError,
    Unavailable,
    UnreadableEventError,
)
from ..inputs import Input, InputBatch, InputEvent, Position
from ..logs import ThrottledLogger
from ..outbox.counters import count_waiting
from ..outbox.intake import InsertBatch, OutgoingStatement
from ..outbox.positions import InputHeldError, InputPosition
from ..outbox.statistics import KnownReasons, write_outcomes
from ..pipeline.outcome_counts import BLANK_LINE, OutcomeCounts
from ..pipeline.run import Outcome, OutcomeState, unavailable_provider
from ..relay import Relay, Trust
from ..sinks import Repeats
from .block import Block
from .direct_delivery import DirectDelivery, DirectResult

log = logging.getLogger("learnrelay.inputs")
log_throttled = ThrottledLogger(log)

_READ_WAIT = 0.25  # seconds that an input waits for events
_LAST_WAIT = 1.5  # the same, for a last line without an end, before all is read
_PAUSE = 1.0  # seconds after which something that failed is tried again, at first
_LONGEST_PAUSE = 30.0
_ROOM_POLL = 0.25

ProcessedEvent = tuple[list[Outcome], list[OutgoingStatement]]


class StoppedError(LearnrelayError):
    """Ends the work on an input that was told to stop, and could not store what it had read: it is read again."""


class InputRunner:
    """Runs an input until it ends, or until `stop`, which any thread may call.

    ``make``: makes the input. ``is_direct``: statements go to the destinations first, and to the outbox where these do
    not take them now. ``is_waited_for``: what was read is stored before more is read. ``until_end``: ends when
    everything is read that is there. ``is_patient``: waits while another process reads the input.

    For a display: ``totals``; ``delivered``, destination → fate → statements; ``lag``; ``waiting_for``, a reason or "".
    """

    def __init__(
        self,
        relay: Relay,
        config: InputConfig,
        make: Callable[[InputRunner], Input],
        *,
        is_direct: bool,
        is_waited_for: bool = False,
        until_end: bool = False,
        is_patient: bool = True,
    ) -> None:
        self.config = config
        self.totals = OutcomeCounts.of(list(relay.assembly.standards))
        self.delivered: dict[str, Counter[str]] = {}
        self.lag: int | None = None
        self.waiting_for = ""
        self._relay = relay
        self._make = make
        self._is_waited_for = is_waited_for
        self._until_end = until_end
        self._is_patient = is_patient
        self._stopping = threading.Event()
        self._known_reasons: KnownReasons = {}
        sinks = {
            name: relay.assembly.make_sink(destination)
            for name, destination in relay.assembly.config.destinations.items()
            if is_direct
        }
        # The members of a batch that has an id are recorded before it is sent: they go through the outbox.
        destinations = {
            name: relay.assembly.config.destinations[name]
            for name, sink in sinks.items()
            if sink.repeats is Repeats.BY_STATEMENT
        }
        self._direct = {
            name: DirectDelivery(
                relay.outbox,
                destination,
                sinks[name],
                self._stopping.is_set,
                has_neighbours=len(destinations) > 1,
            )
            for name, destination in destinations.items()
        }
        self._sizes = {name: destination.batch.size for name, destination in destinations.items()}
        self._interval = min((destination.batch.interval for destination in destinations.values()), default=0.0)
        self._stored_at = float("-inf")
        self._position: InputPosition
        self._input: Input
        self._block: Block
        self._pending: Future[Position] | None = None
        self._store_thread = ThreadPoolExecutor(1, f"learnrelay-store-{config.name}")
        self._send_threads = ThreadPoolExecutor(max(1, len(destinations)), f"learnrelay-send-{config.name}")

    def stop(self) -> None:
        """Makes `run` store what was read, and return."""
        self._stopping.set()

    def run(self) -> None:
        """Reads to the end, or until `stop`. What fails is tried again. Raises InputHeldError, unless it is patient."""
        pause = _PAUSE
        try:
            while not self._stopping.is_set():
                lines = self.totals.lines
                try:
                    return self._run_once()
                except StoppedError:
                    return None
                except InputHeldError as error:
                    if not self._is_patient:
                        raise
                    self._wait_after(str(error), _PAUSE)
                except Exception as error:  # whatever an input raises: its text may hold what was read
                    pause = _PAUSE if self.totals.lines > lines else min(2 * pause, _LONGEST_PAUSE)
                    self._wait_after(_describe(error), pause)
        finally:
            self._store_thread.shutdown()
            self._send_threads.shutdown()
            for direct in self._direct.values():
                direct.close()
        return None

    def _wait_after(self, reason: str, seconds: float) -> None:
        log_throttled(f"input {self.config.name}: {reason.removeprefix(f'input {self.config.name}: ')}; trying again")
        self.waiting_for = reason
        self._stopping.wait(seconds)
        self.waiting_for = ""

    # --- reading ----------------------------------------------------------------------------------------------

    def _run_once(self) -> None:
        self._position = InputPosition(self._relay.outbox, self.config.name)
        self._input = self._make(self)
        self._pending, self._block = None, self._new_block()
        stored = self._position.claim()
        try:
            self._input.open(stored)
            self._read_all()
            self._store_block()
            self._finish_pending()
        finally:
            if self._pending is not None:  # its thread must not go on beside that of the next try
                self._pending.exception()
            self._input.close()
            try:
                self._position.release()
            except OutboxError as error:
                log.debug("input %s: %s; it is free again after delivery.lease", self.config.name, error)

    def _read_all(self) -> None:
        """Reads until the input ends, or until `stop`."""
        wait = _READ_WAIT
        while not self._stopping.is_set():
            try:
                batch = self._input.read(wait)
            except EOFError:
                return
            self._position.renew_if_due()
            self.lag = self._input.lag()
            self._relay.look_for_taps_if_due()
            if batch is not None:
                self._take(batch)
            elif self._is_at_end(wait):
                return
            due_in = max(self._block.begun_at, self._stored_at + self._interval) - time.monotonic()
            if self._block.has_events and due_in <= 0:
                self._store_block(here=self._is_waited_for)
            if self._pending is not None and (batch is None or self._is_waited_for):
                self._finish_pending()  # nothing else comes for a while: what failed must not wait for it
            wait = _READ_WAIT
            if self._block.has_events:
                wait = min(wait, max(0.0, due_in))
            elif batch is None and self._until_end:
                wait = _LAST_WAIT

    def _is_at_end(self, waited: float) -> bool:
        """Tells whether everything was read, when nothing came after ``waited`` seconds."""
        if not self._until_end or self._input.has_end or self._input.is_holding_back:
            return False
        return self.lag == 0 or waited == _LAST_WAIT

    def _take(self, batch: InputBatch) -> None:
        """Adds the events of a batch to the block, and stores it whenever it is full."""
        for number, event in enumerate(batch.events):
            results: list[list[Outcome]] = []
            statements: list[OutgoingStatement] = []
            pieces = [event]
            for piece in pieces:  # which grows, where events are glued together in one line; they have one position
                outcomes, more = self._process(piece, batch.trust) or self._process_patiently(piece, batch.trust)
                if outcomes and isinstance(outcomes[0].error, GluedEventsError):
                    pieces += outcomes[0].error.lines
                else:
                    results.append(outcomes)
                    statements += more
            block = self._block
            if not block.has_room(statements):
                self._store_block()
                block = self._block
            block.add(statements)
            block.batch, block.last = batch, number
            for outcomes in results:
                if outcomes and outcomes[0].error is not None and not outcomes[0].standard:
                    block.counts.count_unreadable(outcomes[0].reason)
                    batch.refused[number] = outcomes[0].reason
                elif outcomes:
                    block.counts.count(outcomes)

    def _process_patiently(self, event: InputEvent, trust: Trust) -> ProcessedEvent:
        """Waits for a provider that is unavailable: there is no key, and nothing may be lost. Raises StoppedError."""
        while True:
            self._store_block()
            self._finish_pending()
            self._stopping.wait(_PAUSE)
            if self._stopping.is_set():
                raise StoppedError
            self._position.renew_if_due()
            if (processed := self._process(event, trust)) is not None:
                self.waiting_for = ""
                return processed

    def _process(self, event: InputEvent, trust: Trust) -> ProcessedEvent | None:
        """Runs the pipeline. Returns None when a provider is unavailable and the event cannot be deferred."""
        if isinstance(event, UnreadableEventError):
            return [Outcome("", OutcomeState.FAILED, reason=event.reason, error=event)], []
        source = self._relay.read(event, "client" if "client" in (trust, self.config.trust) else "platform")
        if isinstance(source, Outcome):
            return [BLANK_LINE if isinstance(source.error, BlankLineError) else source], []
        outcomes, statements = self._relay.process_or_defer(source)
        if outcomes and (unavailable := unavailable_provider(outcomes)):
            log_throttled(f"input {self.config.name}: {unavailable}; waiting for it")
            self.waiting_for = unavailable
            return None
        return outcomes, statements

    # --- storing ----------------------------------------------------------------------------------------------

    def _new_block(self) -> Block:
        assembly = self._relay.assembly
        return Block(self._sizes, OutcomeCounts.of(list(assembly.standards), assembly.source.shape.request_prefix))

    def _store_block(self, *, here: bool = False) -> None:
        """Begins to store the block, when the one before it is stored.

        ``here``: in this thread, because nothing else is done meanwhile, and somebody waits.
        """
        if not self._block.has_events:
            return
        self._finish_pending()
        block, self._block = self._block, self._new_block()
        if here:
            self._input.commit(self._store(block))
        else:
            self._pending = self._store_thread.submit(self._store, block)
        self._stored_at = time.monotonic()

    def _finish_pending(self) -> None:
        pending, self._pending = self._pending, None
        if pending is not None:
            self._input.commit(pending.result())

    def _store(self, block: Block) -> Position:
        """Sends and stores a block. Returns the position behind it. Raises InputHeldError, StoppedError."""
        results = self._send(block)
        position = block.position()
        while True:
            try:
                arrivals = self._write(block, results, position)
                break
            except InputHeldError:
                raise
            except OutboxError as error:
                self._known_reasons.clear()
                log_throttled(f"input {self.config.name}: {error}; waiting for it")
                self.waiting_for = str(error)
            self._relay.outbox.wait_for_room(_ROOM_POLL)
            if self._stopping.is_set():
                raise StoppedError
        self.waiting_for = ""
        self._relay.wake(arrivals)
        self.totals.add(block.counts)
        for name, number in arrivals.items():
            self._count(name, "to the outbox", number)
        for result in results:
            self._count(result.destination, "stored", result.stored)
            for undelivered in result.undelivered:
                self._count(result.destination, _fate(undelivered.dead, undelivered.conflict), 1)
        return position

    def _send(self, block: Block) -> list[DirectResult]:
        """Sends the statements to all destinations at once; what is not sent waits in ``block.rows``."""
        requests = []
        for name, statements in block.outgoing.items():
            if not self._stopping.is_set() and self._is_open(name):
                requests.append((self._direct[name].send, list(statements.values())))
            else:
                block.keep(name, statements.values())
        if len(requests) == 1:
            results = [send(statements) for send, statements in requests]
        else:
            pending = [self._send_threads.submit(send, statements) for send, statements in requests]
            results = [request.result() for request in pending]
        for result in results:
            block.keep(result.destination, result.waiting)
            if dead := sum(undelivered.dead and not undelivered.conflict for undelivered in result.undelivered):
                log.warning(
                    "destination %s: %d statement(s) given up, now dead letters: learnrelay failed list",
                    result.destination,
                    dead,
                )
        return results

    def _is_open(self, name: str) -> bool:
        try:
            return self._direct[name].is_open()
        except OutboxError:
            return False  # to store will fail too, and tell it

    def _write(self, block: Block, results: list[DirectResult], position: Position) -> Counter[str]:
        """Writes everything about a block in one transaction. Returns the statements that wait, by queue."""
        outbox = self._relay.outbox
        now = outbox.clock()
        batch = InsertBatch.of(block.rows, now)
        is_durable = bool(block.rows) or any(result.undelivered for result in results)
        with outbox.database.transaction(durable=is_durable) as transaction:
            if batch.statements:
                limit = outbox.settings.limit
                waiting = count_waiting(transaction, near=limit)
                if waiting and waiting + batch.size > limit:
                    raise OutboxFullError(f"outbox {outbox.database.name}: {limit} deliveries wait (delivery.limit)")
                batch.write(transaction)
            for result in results:
                result.write(transaction, now)
            write_outcomes(transaction, block.counts.counted(), self._known_reasons)
            self._position.write(transaction, position)
        return Counter({name: len(deliveries) for name, deliveries in batch.deliveries.items()})

    def _count(self, destination: str, fate: str, number: int) -> None:
        if number:
            self.delivered.setdefault(destination, Counter())[fate] += number


def _fate(dead: bool, conflict: bool) -> str:
    return "conflicts" if conflict else "dead letters" if dead else "to the outbox"


def _describe(error: BaseException) -> str:
    """Returns an error in words that hold nothing of what was read."""
    match error:
        case Unavailable():
            return "does not answer"
        case LearnrelayError():
            return str(error)
        case OSError(strerror=str(reason), filename=path) if reason:
            return f"{path}: {reason}" if path else reason
        case _:
            return f"it raised {type(error).__name__}"
