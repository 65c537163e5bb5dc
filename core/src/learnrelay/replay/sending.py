"""Statements to the destinations: batches in flight, retried and bisected as the drains do it, until all are settled.

A chunk is finished when each of its statements is stored, or is in the outbox: as a dead letter where the
consumer refuses it, waiting where it kept failing by itself for longer than a replay has patience.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from ..assembly import Assembly
from ..config.models import Delivery, Destination
from ..delivery.backoff import Backoff
from ..delivery.handover import Remnant, hand_over
from ..delivery.judging import Outcome as Answered
from ..delivery.judging import deliver, tidy
from ..delivery.outbox import Outbox
from ..delivery.queue import Claimed, Dead, Later, Mark, Returned, Stored
from ..delivery.sender import Sender
from ..delivery.sizing import BatchSize
from ..events import SourceEvent
from ..kinds import moment
from ..pipeline import Outcome
from ..relay import critical_events
from ..standards import Standard, Verdict
from .asked import HaltedError
from .checkpoint import Done
from .limits import Limits
from .target import Finished, Intake, Target, count, for_destinations

PATIENCE = 20.0
"""Seconds that a batch's failing statements are tried again by themselves before the outbox has them."""

_LOOK = 0.2
_AWAY = (0, 502, 503, 504)  # what is heard of a consumer, or from somebody in its place, when it is not there at all
_STUBBORN = 3

Tell = Callable[[str, str, float], None]
"""(destination, what is wrong or nothing, seconds until it is tried again)."""


class Parcel(NamedTuple):
    """One statement of a batch."""

    statement_id: str
    payload: bytes
    event: str
    timestamp: object


class Destinations(Target):
    """Sends to several destinations at once, each by lanes of its own. Their trouble comes out of `open`, `close`."""

    def __init__(
        self,
        assembly: Assembly,
        to: tuple[str, ...],
        limits: Mapping[str, Limits],
        tell: Tell,
        lanes: Mapping[str, int],
        ordered: bool,
    ) -> None:
        self.to = frozenset(to)
        self._outbox = _LazyOutbox(assembly.config.delivery)
        self._trouble: BaseException | None = None
        self._chunks = 0
        self._over = threading.Condition()
        critical = critical_events(assembly)
        self.roads = {
            name: _Road(
                destination,
                assembly.standards[destination.standard],
                limits[name],
                self._outbox,
                tell,
                critical,
                ordered,
                limits[name].largest(destination.batch.size),
            )
            for name, destination in assembly.config.destinations.items()
            if name in self.to
        }
        self.queues: dict[str, queue.Queue[_Batch | None]] = {}
        self._threads = []
        for name, road in self.roads.items():
            self.queues[name] = queue.Queue(lanes[name])
            for _ in range(lanes[name]):
                thread = threading.Thread(target=self._lane, args=(road, self.queues[name]), daemon=True)
                self._threads.append(thread)
                thread.start()

    def _lane(self, road: _Road, batches: queue.Queue[_Batch | None]) -> None:
        """One request at a time, until the end."""
        lane = _Lane(road)
        while (batch := batches.get()) is not None:
            if self._trouble is None:
                try:
                    lane.deliver(batch)
                except BaseException as error:  # the outbox failed, or we are halted: the process is to end
                    self._trouble = error
        lane.close()

    def open(self, done: Done) -> Intake:
        """For a chunk."""
        self.check()
        with self._over:
            self._chunks += 1
        return _Chunk(self, done)

    def finished(self) -> None:
        """One chunk less."""
        with self._over:
            self._chunks -= 1
            self._over.notify_all()

    def rest(self) -> None:
        """Wait until all chunks so far are finished."""
        with self._over:
            while self._chunks:
                self.check()
                self._over.wait(_LOOK)

    def check(self) -> None:
        """Raise what went wrong in a lane."""
        if self._trouble is not None:
            raise self._trouble

    def close(self) -> None:
        """Wait for what is in flight."""
        for batches in self.queues.values():
            for _ in range(batches.maxsize):
                batches.put(None)
        for thread in self._threads:
            thread.join()
        self.check()


class _Chunk(Intake):
    """A chunk's statements on their way. Lanes settle batches, in any order."""

    def __init__(self, to: Destinations, done: Done) -> None:
        self._to = to
        self._done = done
        self._batches = {name: _Batch(self) for name in to.roads}
        self._seen: dict[str, set[str]] = {name: set() for name in to.roads}
        self._lock = threading.Lock()
        self._open = 1  # batches in flight, and one for the reading
        self._finished: Finished | None = None

    def take(self, outcome: Outcome, event: SourceEvent) -> None:
        for name, statements in for_destinations(outcome, self._to.to):
            seen = self._seen[name]
            batch = self._batches[name]
            for one in statements:
                if one.id in seen:  # a consumer would refuse a batch that says the same twice
                    self.count(name, "repeated in the log", 1)
                    continue
                seen.add(one.id)
                batch.parcels.append(Parcel(one.id, one.content, event.name, event.body["timestamp"]))
                if len(batch.parcels) >= self._to.roads[name].size:
                    self._send(name)
                    batch = self._batches[name]

    def _send(self, name: str) -> None:
        batch, self._batches[name] = self._batches[name], _Batch(self)
        with self._lock:
            self._open += 1
        while True:
            self._to.check()
            try:
                return self._to.queues[name].put(batch, timeout=1.0)
            except queue.Full:
                continue

    def close(self, finished: Finished) -> None:
        self._finished = finished
        for name, batch in list(self._batches.items()):
            if batch.parcels:
                self._send(name)
        self._seen.clear()  # of those who still hold this, until the collector comes, none wants to know
        self.settled()

    def abandon(self) -> None:
        self._seen.clear()
        self.settled()

    def count(self, name: str, what: str, number: int) -> None:
        with self._lock:
            count(self._done, name, what, number)

    def settled(self) -> None:
        """One batch less; after the last one the chunk is finished, unless it was abandoned."""
        with self._lock:
            self._open -= 1
            last = not self._open
        if last:
            if self._finished is not None:
                self._finished(self._done)
            self._to.finished()


class _Batch:
    __slots__ = ("chunk", "parcels")

    def __init__(self, chunk: _Chunk) -> None:
        self.chunk = chunk
        self.parcels: list[Parcel] = []


class _LazyOutbox:
    """Opened when it is needed; shared by the lanes."""

    def __init__(self, settings: Delivery) -> None:
        self._settings = settings
        self._lock = threading.Lock()
        self._outbox: Outbox | None = None

    def hand_over(self, destination: str, remnants: list[Remnant]) -> None:
        with self._lock:
            self._outbox = self._outbox or Outbox.open(self._settings)
            hand_over(self._outbox, destination, remnants)


@dataclass(slots=True)
class _Road:
    """What the lanes to one destination share. ``size``: statements of a batch."""

    destination: Destination
    standard: Standard
    limits: Limits
    outbox: _LazyOutbox
    tell: Tell
    critical: frozenset[tuple[str, str]]
    ordered: bool
    size: int
    failures: int = 0


class _Lane:
    """Delivers batches to one destination, one request at a time."""

    def __init__(self, road: _Road) -> None:
        self._road = road
        self._sender = Sender(road.destination, road.standard)
        self._backoff = Backoff(road.destination.retry)
        self._sizes = BatchSize(road.destination.batch.size)

    def close(self) -> None:
        self._sender.close()

    def deliver(self, batch: _Batch) -> None:
        """Return when each statement is stored or in the outbox."""
        rows = tuple(Claimed(place, parcel.payload, 0) for place, parcel in enumerate(batch.parcels))
        ledger = _Ledger()
        tried = 0
        proven = False
        trouble: Answered | None = None
        while rows:
            probed: tuple[Claimed, ...] = rows
            rest: tuple[Claimed, ...] = ()
            if trouble is not None:
                # Perhaps one statement is what it stumbles over: try with one alone, each time another; with the first
                # where the order matters, unless it has an answer to that, and the same again and again.
                ill = trouble.perhaps_poison and trouble.status not in _AWAY and tried > _STUBBORN
                place = 0 if self._road.ordered and not ill else (2 ** (tried % 8) - 1) % len(rows)
                probed, rest = (rows[place],), (*rows[:place], *rows[place + 1 :])
            back, trouble = self._round(probed, ledger, proven)
            proven = bool(rest) and trouble is None  # for the batch after a probe, as in the drain
            rows = tuple(sorted((*back, *rest), key=lambda row: row.key))
            tried = tried + 1 if trouble else 0
        self._again(ledger)
        self._settle(batch, ledger)

    def _round(
        self, rows: tuple[Claimed, ...], ledger: _Ledger, proven: bool
    ) -> tuple[tuple[Claimed, ...], Answered | None]:
        """One go: what is still to be sent, and the destination's trouble, after it was waited for."""
        road = self._road
        result = deliver(rows, self._sizes, self._send, self._aside, lambda: False, proven=proven)
        back = ledger.note(result.marks)
        if result.trouble is not None:
            self._wait(result.trouble)
        elif any(isinstance(mark, Stored) for mark in result.marks):
            if road.failures:
                road.failures = 0
                road.tell(road.destination.name, "", 0.0)
            road.limits.taken = True
        return back, result.trouble

    def _send(self, rows: tuple[Claimed, ...]) -> Answered:
        return self._road.limits.send(len(rows), lambda: self._sender(rows))

    def _wait(self, trouble: Answered) -> None:
        road = self._road
        if trouble.verdict is Verdict.HALTED and not road.limits.taken:
            raise HaltedError(f"destination {road.destination.name}: {trouble.reason}")
        if road.limits.paused and not trouble.asked:
            return  # another lane failed at the same time and said so first
        road.failures += 1
        seconds = self._backoff.wait(road.failures, trouble.asked)
        road.tell(road.destination.name, trouble.reason, seconds)
        road.limits.pause(seconds)

    def _aside(self, row: Claimed, outcome: Answered) -> Later | Dead:
        attempts = row.attempts + 1
        if outcome.status and attempts >= self._road.destination.retry.attempts:
            return Dead(row, tidy(f"{outcome.in_full}, {attempts} times"))
        return Later(row, time.monotonic() + self._backoff.wait(attempts, outcome.asked), tidy(outcome.reason))

    def _again(self, ledger: _Ledger) -> None:
        """Try what failed by itself again, by itself, as long as patience lasts."""
        end = time.monotonic() + PATIENCE
        while ledger.later:
            ledger.later.sort(key=lambda one: one.at)
            one = ledger.later[0]
            if one.at > end:
                return
            time.sleep(max(0.0, one.at - time.monotonic()))
            ledger.later.pop(0)
            again = Claimed(one.row.key, one.row.payload, one.row.attempts + 1)
            back, trouble = self._round((again,), ledger, proven=True)  # what fails now is this statement's fault
            if trouble is not None:  # the destination itself is down: that is not this statement's time
                started = time.monotonic()
                self._road.limits.send(0, lambda: None)
                end += time.monotonic() - started
            ledger.later += [
                Later(Claimed(r.key, r.payload, r.attempts - 1), time.monotonic(), one.reason) for r in back
            ]

    def _settle(self, batch: _Batch, ledger: _Ledger) -> None:
        """The outbox takes the rest."""
        road, name = self._road, self._road.destination.name
        standard = road.destination.standard
        remnants = []
        left: list[Dead | Later] = [*ledger.dead, *ledger.later]
        for mark in left:
            parcel = batch.parcels[mark.row.key]
            remnants.append(
                Remnant(
                    standard,
                    parcel.statement_id,
                    parcel.event,
                    parcel.payload,
                    mark.row.attempts + 1,
                    mark.reason,
                    dead=isinstance(mark, Dead),
                    conflict=isinstance(mark, Dead) and mark.conflict,
                    event_time=moment(parcel.timestamp),
                    critical=(standard, parcel.event) in road.critical,
                )
            )
        if remnants:
            road.outbox.hand_over(name, remnants)
        for what, number in (
            ("stored", ledger.stored),
            ("dead letters", len(ledger.dead)),
            ("left to the outbox", len(ledger.later)),
        ):
            if number:
                batch.chunk.count(name, what, number)
        batch.chunk.settled()


class _Ledger:
    """What became of a batch so far."""

    def __init__(self) -> None:
        self.stored = 0
        self.dead: list[Dead] = []
        self.later: list[Later] = []

    def note(self, marks: list[Mark]) -> tuple[Claimed, ...]:
        """Enter the marks of a round; gives the rows that are to be sent again."""
        back: tuple[Claimed, ...] = ()
        for mark in marks:
            match mark:
                case Stored(rows):
                    self.stored += len(rows)
                case Returned(rows, _):
                    back += rows
                case Dead():
                    self.dead.append(mark)
                case Later():
                    self.later.append(mark)
        return back
