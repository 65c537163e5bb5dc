"""Runs the drains: the interface of an engine, and the engine that needs no server."""

from __future__ import annotations

import logging
import math
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from typing import Protocol

from ..config.models import Destination
from ..errors import OutboxError
from ..outbox.looks import QueueLooks
from ..outbox.outbox import Outbox
from ..sinks import Sink
from .alerts import AlertMonitor, run_maintenance, warn_about_orphans
from .drain import IMMEDIATELY, POLL, Drainer, NextWake
from .leases import LeaseKeeper

log = logging.getLogger("learnrelay.delivery")

_PAUSE_AFTER_ERROR = 1.0  # seconds until a worker asks a failing database again
_DRAINED_POLL = 0.02

MAINTENANCE_INTERVAL = 30.0
"""Seconds between two checks of alerts and retention; when a destination goes down, alerts are checked at once."""


class Engine(ABC):
    """Delivers what is in the outbox."""

    @abstractmethod
    def start(self) -> None:
        """Begins to deliver; what was left from last time comes first."""

    @abstractmethod
    def wake(self, destination: str, arrivals: int = 1) -> None:
        """Tells the engine that statements for a destination have been put. Cheap, never raises."""

    @abstractmethod
    def stop(self, timeout: float = 30.0) -> None:
        """Finishes the requests under way, or frees their claims after ``timeout`` seconds."""


class QueueWorker(Protocol):
    """Works on one queue of the outbox, run by an engine. `Drainer` is one."""

    name: str

    def step(self) -> NextWake:
        """Does the next round that is due. Raises OutboxError when the database fails; call it again later."""

    def flush(self) -> None:
        """Does one last round after `stop`, with what waits for more to come. Raises OutboxError."""

    def stop(self) -> None:
        """Makes the round that is under way the last one. Any thread may call it."""

    def abandon(self) -> None:
        """Frees the claims that take too long to wait for. Raises OutboxError."""

    def close(self) -> None:
        """Closes the connections."""


Wake = Callable[[str, int], None]
"""(destination, number of statements that have been put for it)."""

WorkerFactories = Mapping[str, Callable[[LeaseKeeper, Wake], QueueWorker]]
"""Name of an internal queue (not a destination's) → function that makes its worker."""


MakeSink = Callable[[Destination], Sink]
"""Makes a sink for one drain of a destination."""


class EmbeddedEngine(Engine):
    """Runs a thread for each queue, in this process. Any number of processes may share an outbox."""

    def __init__(
        self,
        outbox: Outbox,
        destinations: Mapping[str, Destination],
        make_sink: MakeSink,
        internal_queues: WorkerFactories | None = None,
    ) -> None:
        self._outbox = outbox
        self._destinations = tuple(destinations)
        self._stopped = threading.Event()
        self._keeper = LeaseKeeper(outbox.settings.lease)
        self._maintenance = threading.Thread(target=self._maintain, name="learnrelay-maintenance", daemon=True)
        # Internal queues come first: their events become deliveries to destinations, whose queues are asked after them.
        workers = [make(self._keeper, self.wake) for make in (internal_queues or {}).values()]
        workers += [
            Drainer(outbox, destination, make_sink(destination), self._keeper) for destination in destinations.values()
        ]
        self._threads = {worker.name: _QueueThread(worker) for worker in workers}

    def start(self) -> None:
        """Starts the threads."""
        self._maintenance.start()
        for thread in self._threads.values():
            thread.start()

    def wake(self, destination: str, arrivals: int = 1) -> None:
        """Wakes the destination's thread when the number of statements that it waits for has come."""
        if thread := self._threads.get(destination):
            thread.wake(arrivals)

    def stop(self, timeout: float = 30.0) -> None:
        """Stops all threads, together within ``timeout`` seconds."""
        self._stopped.set()
        self._outbox.alert_due.set()
        deadline = time.monotonic() + timeout
        for thread in self._threads.values():
            thread.stop()
        for thread in self._threads.values():
            if thread.is_alive():
                thread.join(max(0.0, deadline - time.monotonic()))
            if thread.is_alive():
                thread.abandon()
        if self._maintenance.is_alive():  # an alert that is being sent counts as sent
            self._maintenance.join(max(0.0, deadline - time.monotonic()))
        self._keeper.close()

    def _maintain(self) -> None:
        warn_about_orphans(self._outbox, self._destinations)
        monitor = AlertMonitor(self._outbox, self._destinations)
        with suppress(OutboxError):  # this process looks from now on: it is not to tell that nobody does
            for name in self._threads:
                QueueLooks(self._outbox, name).record()
        while not self._stopped.is_set():
            run_maintenance(self._outbox, monitor)
            self._outbox.alert_due.wait(MAINTENANCE_INTERVAL)
            self._outbox.alert_due.clear()

    def drained(self, timeout: float) -> bool:
        """Waits until nothing is due: the rest has a paused destination, or is due later. False after ``timeout``."""
        deadline = time.monotonic() + timeout
        while not self._outbox.is_idle(self._threads):
            if time.monotonic() > deadline:
                return False
            self._stopped.wait(_DRAINED_POLL)
        return True


class StoringEngine(Engine):
    """Delivers nothing, and has no thread: other processes deliver from the same outbox.

    Where none does, none raises an alert either. So the process that emits looks for that twice a minute, in the call
    that wakes the engine, for as long as the `time_limit` of the caller allows.
    """

    def __init__(self, outbox: Outbox, queues: Iterable[str]) -> None:
        self._monitor = AlertMonitor(outbox, queues)
        self._check_at = -math.inf

    def start(self) -> None:
        """Does nothing."""

    def wake(self, destination: str, arrivals: int = 1) -> None:
        """Raises an alert, where nobody has delivered for long."""
        now = time.monotonic()
        if now < self._check_at:
            return
        self._check_at = now + MAINTENANCE_INTERVAL
        try:
            self._monitor.check_unattended(MAINTENANCE_INTERVAL)
        except OutboxError as error:  # emit() raises it too
            log.debug("alerts: %s", error)

    def stop(self, timeout: float = 30.0) -> None:
        """Does nothing."""


class _QueueThread(threading.Thread):
    """Steps one worker, and sleeps in between until time, arrivals or the end wake it."""

    def __init__(self, worker: QueueWorker) -> None:
        super().__init__(name=f"learnrelay-{worker.name}", daemon=True)
        self._worker = worker
        self._signal = threading.Condition()
        self._arrived = 0
        self._awaited: float = 1
        self._stopped = False
        self._abandoned = False
        self._error_logged = False

    def wake(self, arrivals: int) -> None:
        with self._signal:
            self._arrived += arrivals
            if self._arrived >= self._awaited:
                self._signal.notify()

    def run(self) -> None:
        while not self._stopped:
            with self._signal:
                self._arrived = 0
            next_wake = self._step()
            if next_wake is IMMEDIATELY:
                continue
            with self._signal:
                self._awaited = next_wake.arrivals
                self._signal.wait_for(
                    lambda: self._stopped or self._arrived >= self._awaited, min(next_wake.seconds, POLL)
                )
        if not self._abandoned:
            self._flush()
        self._worker.close()

    def _step(self) -> NextWake:
        try:
            next_wake = self._worker.step()
        except OutboxError as error:
            if not self._error_logged:
                log.error("destination %s: %s; trying again", self._worker.name, error)
            self._error_logged = True
            return NextWake(_PAUSE_AFTER_ERROR, float("inf"))
        if self._error_logged:
            log.warning("destination %s: the outbox works again", self._worker.name)
        self._error_logged = False
        return next_wake

    def _flush(self) -> None:
        """Sends what waits for a batch to fill: after this process, nobody may come who does."""
        try:
            self._worker.flush()
        except OutboxError as error:
            log.debug("destination %s: %s; what waits is left to the next process", self._worker.name, error)

    def stop(self) -> None:
        self._worker.stop()
        with self._signal:
            self._stopped = True
            self._signal.notify()

    def abandon(self) -> None:
        self._abandoned = True
        self._worker.stop()
        try:
            self._worker.abandon()
        except OutboxError as error:
            log.error("destination %s: leases not released, they end by themselves: %s", self._worker.name, error)
