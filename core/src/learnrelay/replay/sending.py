"""Sends the statements of a replay to destinations: several batches at once, retried and bisected as the drains do it.

A chunk is finished when each of its statements is stored by the destination or is in the outbox: as a dead letter if
the destination refuses it, as a waiting delivery if it kept failing alone for longer than `PATIENCE`.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Container, Mapping
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import NamedTuple

from ..assembly.assemble import Assembly
from ..config.models import Delivery, Destination
from ..delivery.backoff import Backoff
from ..delivery.batch_size import BatchSize
from ..delivery.bisection import SendResult, deliver, tidy
from ..delivery.engine import MakeSink
from ..delivery.sender import Sender
from ..events import SourceEvent
from ..kinds import moment
from ..outbox.outbox import Outbox
from ..outbox.outgoing import CriticalEvents
from ..outbox.queue import Acknowledged, ClaimedDelivery, DeadLettered, Released, RetryLater, Settlement
from ..outbox.spill import Undelivered, spill_to_outbox
from ..pipeline.run import Outcome
from ..sinks import Repeats
from ..standards import Verdict
from .checkpoint import ChunkResult
from .outputs import ChunkOutput, ReplayOutput, ReportFinished, count_statements, statements_for
from .rate_limit import RateLimit
from .spec import HaltedError

PATIENCE = 20.0
"""Seconds for which statements that failed alone are retried alone before they go to the outbox."""

_OF_A_PROXY = (502, 503, 504)  # statuses with which a proxy answers in the place of a consumer
_FIRST_PROBES = 3  # probes with the first statement of an ordered batch before others are probed

ReportWaiting = Callable[[str, str, float], None]
"""Takes the destination's name, the reason of the failure or "", and the seconds until the next request."""


class PendingStatement(NamedTuple):
    """Holds one statement of a batch that the destination has not stored yet."""

    statement_id: str
    payload: bytes
    event: str
    timestamp: object


class DestinationOutput(ReplayOutput):
    """Sends statements to several destinations, each with threads of its own.

    `open` and `close` raise the errors of the threads.
    """

    def __init__(
        self,
        assembly: Assembly,
        to: tuple[str, ...],
        limits: Mapping[str, RateLimit],
        report_waiting: ReportWaiting,
        send_threads: Mapping[str, int],
        ordered: bool,
        token: str,
    ) -> None:
        """Starts the threads. ``token``: of the replay, for the ids of batches."""
        self.to = frozenset(to)
        self._outbox = _LazyOutbox(assembly.config.delivery)
        self._error: BaseException | None = None
        critical = CriticalEvents(assembly)
        self.senders = {
            name: DestinationSender(
                destination,
                assembly.make_sink,
                limits[name],
                self._outbox,
                report_waiting,
                critical,
                ordered,
                token,
            )
            for name, destination in assembly.config.destinations.items()
            if name in self.to
        }
        self.queues: dict[str, queue.Queue[_StatementBatch | None]] = {}
        self._threads = []
        for name, shared in self.senders.items():
            self.queues[name] = queue.Queue(send_threads[name])
            for _ in range(send_threads[name]):
                thread = threading.Thread(target=self._run_thread, args=(shared, self.queues[name]), daemon=True)
                self._threads.append(thread)
                thread.start()

    def _run_thread(self, shared: DestinationSender, batches: queue.Queue[_StatementBatch | None]) -> None:
        """Delivers the batches of a queue, one request at a time, until it yields None."""
        send_thread = SendThread(shared)
        while (batch := batches.get()) is not None:
            if self._error is None:
                try:
                    send_thread.deliver(batch)
                except BaseException as error:  # the outbox failed, or the replay is halted: the process ends
                    self._error = error
        send_thread.close()

    def open(self, result: ChunkResult) -> ChunkOutput:
        """Opens a chunk."""
        self.check()
        return _DestinationChunk(self, result)

    def check(self) -> None:
        """Raises the error of a thread, if there is one."""
        if self._error is not None:
            raise self._error

    def close(self) -> None:
        """Waits for the batches in flight."""
        for batches in self.queues.values():
            for _ in range(batches.maxsize):
                batches.put(None)
        for thread in self._threads:
            thread.join()
        self.check()


class _DestinationChunk(ChunkOutput):
    """Holds the batches of one chunk. The threads settle them, in any order."""

    def __init__(self, to: DestinationOutput, result: ChunkResult) -> None:
        self._to = to
        self._result = result
        self.name = f"{result.file:04}-{result.number:05}"
        self._batches = {name: _StatementBatch(self) for name in to.senders}
        self._seen: dict[str, set[str]] = {name: set() for name in to.senders}
        self._lock = threading.Lock()
        self._open = 1  # batches in flight, and 1 while the chunk is read
        self._finished: ReportFinished | None = None

    def take(self, outcome: Outcome, event: SourceEvent) -> None:
        for name, statements in statements_for(outcome, self._to.to):
            seen = self._seen[name]
            batch = self._batches[name]
            for statement in statements:
                if statement.id in seen:  # a consumer would refuse a batch that holds an id twice
                    self.count(name, "repeated in the log", 1)
                    continue
                seen.add(statement.id)
                batch.statements.append(
                    PendingStatement(statement.id, statement.content, event.name, event.body["timestamp"])
                )
                if len(batch.statements) >= self._to.senders[name].size:
                    self._send(name)
                    batch = self._batches[name]

    def _send(self, name: str) -> None:
        batch, self._batches[name] = self._batches[name], _StatementBatch(self)
        with self._lock:
            self._open += 1
        while True:
            self._to.check()
            try:
                return self._to.queues[name].put(batch, timeout=1.0)
            except queue.Full:
                continue

    def close(self, finished: ReportFinished) -> None:
        self._finished = finished
        for name, batch in list(self._batches.items()):
            if batch.statements:
                self._send(name)
        self._seen.clear()  # frees memory: references to the chunk may live until the garbage collection
        self.settled()

    def abandon(self) -> None:
        self._seen.clear()
        self.settled()

    def count(self, name: str, fate: str, number: int) -> None:
        with self._lock:
            count_statements(self._result, name, fate, number)

    def settled(self) -> None:
        """Counts a settled batch; after the last one the chunk is finished, unless it was abandoned."""
        with self._lock:
            self._open -= 1
            last = not self._open
        if last and self._finished is not None:
            self._finished(self._result)


class _StatementBatch:
    """Holds the statements of one request, and their chunk."""

    __slots__ = ("chunk", "statements")

    def __init__(self, chunk: _DestinationChunk) -> None:
        self.chunk = chunk
        self.statements: list[PendingStatement] = []


class _LazyOutbox:
    """Opens the outbox when it is first needed; the threads share it."""

    def __init__(self, settings: Delivery) -> None:
        self._settings = settings
        self._lock = threading.Lock()
        self._outbox: Outbox | None = None

    def spill(self, destination: str, undelivered: list[Undelivered]) -> None:
        """Stores undelivered statements of a destination in the outbox."""
        with self._lock:
            self._outbox = self._outbox or Outbox.open(self._settings)
            spill_to_outbox(self._outbox, destination, undelivered)


@dataclass(slots=True)
class DestinationSender:
    """Holds what the threads that send to one destination share.

    ``keeps_batches``: the consumer knows batches, so a repeated chunk must make the same ones. ``size``: the most
    statements of a batch; where batches are kept, whatever the rate is.
    """

    destination: Destination
    make_sink: MakeSink
    limits: RateLimit
    outbox: _LazyOutbox
    report_waiting: ReportWaiting
    critical: Container[tuple[str, str]]
    ordered: bool
    token: str
    failures: int = 0
    keeps_batches: bool = field(init=False)
    size: int = field(init=False)

    def __post_init__(self) -> None:
        """Derives the size of batches."""
        size = self.destination.batch.size
        self.keeps_batches = self.make_sink(self.destination).repeats is Repeats.BY_BATCH
        self.size = size if self.keeps_batches else self.limits.largest(size)


class SendThread:
    """Delivers batches to one destination, one request at a time."""

    def __init__(self, shared: DestinationSender) -> None:
        self._shared = shared
        self._sender = Sender(shared.make_sink(shared.destination))
        self._keeps_batches = shared.keeps_batches
        self._prefix = ""
        self._batch_of: dict[int, str] = {}  # place of a statement → id of the batch in which it was last sent
        self._backoff = Backoff(shared.destination.retry)
        self._sizes = BatchSize(shared.destination.batch.size)

    def close(self) -> None:
        self._sender.close()

    def deliver(self, batch: _StatementBatch) -> None:
        """Delivers a batch. Returns when each of its statements is stored or in the outbox."""
        rows = tuple(
            ClaimedDelivery(place, statement.payload, 0, statement_id=statement.statement_id)
            for place, statement in enumerate(batch.statements)
        )
        settlement = _BatchSettlement()
        if self._keeps_batches:
            self._prefix = f"replay-{self._shared.token}-{batch.chunk.name}"
            self._batch_of.clear()
            self._deliver_together(rows, settlement)
        else:
            self._deliver_rows(rows, settlement)
            self._retry_failed(settlement)
        self._settle(batch, settlement)

    def _deliver_together(self, rows: tuple[ClaimedDelivery, ...], settlement: _BatchSettlement) -> None:
        """Delivers rows to a consumer that knows batches: what was sent together is sent again together.

        A batch that keeps failing, with answers, goes to the outbox under its id, once the destination has accepted
        others.
        """
        batches, failures, proven = [rows], 0, False
        while batches:
            unsettled, failure = self._send_once(batches.pop(0), settlement, proven)
            failures = failures + 1 if failure else 0
            proven = (
                failure is not None
                and failure.reached
                and failure.answered
                and failures > _FIRST_PROBES
                and self._shared.limits.has_accepted
            )
            together: dict[str, list[ClaimedDelivery]] = {}
            for row in unsettled:
                together.setdefault(self._batch_of.get(row.key, ""), []).append(row)
            batches = [*map(tuple, together.values()), *batches]

    def _deliver_rows(self, rows: tuple[ClaimedDelivery, ...], settlement: _BatchSettlement) -> None:
        """Delivers rows to a consumer that knows statements, in whatever company."""
        failures = 0
        proven = False
        failure: SendResult | None = None
        while rows:
            probed: tuple[ClaimedDelivery, ...] = rows
            rest: tuple[ClaimedDelivery, ...] = ()
            if failure is not None:
                # Perhaps a single statement makes the destination fail: probe with one statement alone, each time with
                # another. Where the order matters, probe with the first, unless the destination keeps answering that
                # with the same failure.
                may_be_culprit = (
                    failure.reached
                    and failure.answered
                    and failure.status not in _OF_A_PROXY
                    and failures > _FIRST_PROBES
                )
                place = 0 if self._shared.ordered and not may_be_culprit else (2 ** (failures % 8) - 1) % len(rows)
                probed, rest = (rows[place],), (*rows[:place], *rows[place + 1 :])
            unsettled, failure = self._send_once(probed, settlement, proven)
            proven = bool(rest) and failure is None  # for the batch after a probe, as in the drain
            rows = tuple(sorted((*unsettled, *rest), key=lambda row: row.key))
            failures = failures + 1 if failure else 0

    def _send_once(
        self, rows: tuple[ClaimedDelivery, ...], settlement: _BatchSettlement, proven: bool
    ) -> tuple[tuple[ClaimedDelivery, ...], SendResult | None]:
        """Sends rows once. Returns the rows to send again, and the destination's failure after the wait for it."""
        shared = self._shared
        result = deliver(
            rows,
            self._sizes,
            self._send,
            self._retry_later,
            lambda: False,
            proven=proven,
            keep_together=self._keeps_batches,
        )
        unsettled = settlement.add(result.settlements)
        if result.failure is not None:
            self._wait(result.failure)
        elif any(isinstance(settled, Acknowledged) for settled in result.settlements):
            if shared.failures:
                shared.failures = 0
                shared.report_waiting(shared.destination.name, "", 0.0)
            shared.limits.has_accepted = True
        return unsettled, result.failure

    def _send(self, rows: tuple[ClaimedDelivery, ...]) -> SendResult:
        batch_id = ""
        if self._keeps_batches:  # the same statements of the chunk have the same id, in each run
            ids = "\n".join(row.statement_id for row in rows)
            batch_id = f"{self._prefix}-{blake2b(ids.encode(), digest_size=8).hexdigest()}"
            self._batch_of.update((row.key, batch_id) for row in rows)
        return self._shared.limits.send(len(rows), lambda: self._sender(rows, batch_id))

    def _wait(self, failure: SendResult) -> None:
        shared = self._shared
        if failure.verdict is Verdict.HALTED and not shared.limits.has_accepted:
            raise HaltedError(f"destination {shared.destination.name}: {failure.reason}")
        if shared.limits.is_paused and not failure.retry_after:
            return  # another thread failed at the same time and reported it
        shared.failures += 1
        seconds = self._backoff.wait(shared.failures, failure.retry_after)
        shared.report_waiting(shared.destination.name, failure.reason, seconds)
        shared.limits.pause(seconds)

    def _retry_later(self, row: ClaimedDelivery, outcome: SendResult) -> RetryLater | DeadLettered:
        attempts = row.attempts + 1
        if outcome.answered and attempts >= self._shared.destination.retry.attempts:
            return DeadLettered(row, tidy(f"{outcome.full_reason}, {attempts} times"))
        return RetryLater(
            row, time.monotonic() + self._backoff.wait(attempts, outcome.retry_after), tidy(outcome.reason)
        )

    def _retry_failed(self, settlement: _BatchSettlement) -> None:
        """Retries the statements that failed alone, one by one, for at most `PATIENCE`."""
        end = time.monotonic() + PATIENCE
        while settlement.later:
            settlement.later.sort(key=lambda retry: retry.at)
            retry = settlement.later[0]
            if retry.at > end:
                return
            time.sleep(max(0.0, retry.at - time.monotonic()))
            settlement.later.pop(0)
            row = retry.row._replace(attempts=retry.row.attempts + 1)
            # ``proven``: a failure now is the fault of this statement.
            unsettled, failure = self._send_once((row,), settlement, proven=True)
            if failure is not None:  # the destination is down: its pause does not count against the statement
                started = time.monotonic()
                self._shared.limits.send(0, lambda: None)
                end += time.monotonic() - started
            settlement.later += [
                RetryLater(r._replace(attempts=r.attempts - 1), time.monotonic(), retry.reason) for r in unsettled
            ]

    def _settle(self, batch: _StatementBatch, settlement: _BatchSettlement) -> None:
        """Stores the undelivered statements of a batch in the outbox, and counts the batch."""
        shared, name = self._shared, self._shared.destination.name
        standard = shared.destination.standard
        undelivered = []
        unstored: list[DeadLettered | RetryLater] = [*settlement.dead, *settlement.later]
        for settled in unstored:
            statement = batch.statements[settled.row.key]
            undelivered.append(
                Undelivered(
                    standard,
                    statement.statement_id,
                    statement.event,
                    statement.payload,
                    settled.row.attempts + 1,
                    settled.reason,
                    dead=isinstance(settled, DeadLettered),
                    conflict=isinstance(settled, DeadLettered) and settled.conflict,
                    event_time=moment(statement.timestamp),
                    batch=self._batch_of.get(settled.row.key),
                    critical=(standard, statement.event) in shared.critical,
                )
            )
        if undelivered:
            shared.outbox.spill(name, undelivered)
        for fate, number in (
            ("stored", settlement.stored),
            ("dead letters", sum(not dead.conflict for dead in settlement.dead)),
            ("conflicts", sum(dead.conflict for dead in settlement.dead)),
            ("left to the outbox", len(settlement.later)),
        ):
            if number:
                batch.chunk.count(name, fate, number)
        batch.chunk.settled()


class _BatchSettlement:
    """Collects the settlements of a batch's statements."""

    def __init__(self) -> None:
        self.stored = 0
        self.dead: list[DeadLettered] = []
        self.later: list[RetryLater] = []

    def add(self, settlements: list[Settlement]) -> tuple[ClaimedDelivery, ...]:
        """Adds the settlements of one request. Returns the rows to send again."""
        unsettled: tuple[ClaimedDelivery, ...] = ()
        for settled in settlements:
            match settled:
                case Acknowledged(rows):
                    self.stored += len(rows)
                case Released(rows, _):
                    unsettled += rows
                case DeadLettered():
                    self.dead.append(settled)
                case RetryLater():
                    self.later.append(settled)
        return unsettled
