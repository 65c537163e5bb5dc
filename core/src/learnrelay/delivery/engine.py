"""Who runs the drains: an interface, and the engine that needs no server."""

from __future__ import annotations

import logging
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import Protocol

from ..config.models import Destination
from ..errors import OutboxError
from ..standards import Standard
from .alerts import Watch, keep_house, tell_of_orphans
from .drain import AT_ONCE, POLL, Drainer, Rest
from .leases import LeaseKeeper
from .outbox import Outbox

log = logging.getLogger("learnrelay.delivery")

_PAUSE_AFTER_ERROR = 1.0  # seconds until a drain asks a failing database again
_DRAINED_POLL = 0.02

HOUSEKEEPING = 30.0
"""Seconds between two looks at alerts and retention; when a destination goes down there is one at once."""


class Engine(ABC):
    """Gets what is in the outbox delivered."""

    @abstractmethod
    def start(self) -> None:
        """Begin to deliver, with what was left from last time first."""

    @abstractmethod
    def wake(self, destination: str, arrivals: int = 1) -> None:
        """Say that statements for a destination have been put. Cheap, never raises."""

    @abstractmethod
    def stop(self, timeout: float = 30.0) -> None:
        """Finish the requests under way, or return their leases after ``timeout`` seconds."""


class Stepper(Protocol):
    """What an engine runs for one queue of the outbox. `Drainer` is one."""

    name: str

    def step(self) -> Rest:
        """Do the next thing that is due. Raises OutboxError when the database fails; call it again later."""

    def stop(self) -> None:
        """Let what is under way be the last. Any thread may call it."""

    def abandon(self) -> None:
        """Return the leases of what takes too long to wait for. Raises OutboxError."""

    def close(self) -> None:
        """Close the connections."""


Wake = Callable[[str, int], None]
"""Says that so many statements for a destination have been put."""

Makers = Mapping[str, Callable[[LeaseKeeper, Wake], Stepper]]
"""Name of a queue that is no destination's → what makes its stepper."""


class EmbeddedEngine(Engine):
    """A thread for each queue, in this process. As many processes as you like may share an outbox."""

    def __init__(
        self,
        outbox: Outbox,
        destinations: Mapping[str, Destination],
        standards: Mapping[str, Standard],
        others: Makers | None = None,
    ) -> None:
        self._outbox = outbox
        self._destinations = tuple(destinations)
        self._stopped = threading.Event()
        self._keeper = LeaseKeeper(outbox.settings.lease)
        self._house = threading.Thread(target=self._keep_house, name="learnrelay-house", daemon=True)
        # The other queues come first: what they hold becomes the destinations', which are then still to be looked at.
        steppers = [make(self._keeper, self.wake) for make in (others or {}).values()]
        steppers += [Drainer(outbox, one, standards[one.standard], self._keeper) for one in destinations.values()]
        self._threads = {stepper.name: _DrainThread(stepper) for stepper in steppers}

    def start(self) -> None:
        """Start the threads."""
        self._house.start()
        for thread in self._threads.values():
            thread.start()

    def wake(self, destination: str, arrivals: int = 1) -> None:
        """Wake the destination's thread when what it waits for has come."""
        if thread := self._threads.get(destination):
            thread.wake(arrivals)

    def stop(self, timeout: float = 30.0) -> None:
        """Stop all threads, together within ``timeout`` seconds."""
        self._stopped.set()
        self._outbox.trouble.set()
        deadline = time.monotonic() + timeout
        running = [thread for thread in self._threads.values() if thread.is_alive()]
        for thread in running:
            thread.stop()
        for thread in running:
            thread.join(max(0.0, deadline - time.monotonic()))
            if thread.is_alive():
                thread.abandon()
        if self._house.is_alive():  # an alert that is being told counts as told
            self._house.join(max(0.0, deadline - time.monotonic()))
        self._keeper.close()

    def _keep_house(self) -> None:
        tell_of_orphans(self._outbox, self._destinations)
        watch = Watch(self._outbox)
        while not self._stopped.is_set():
            keep_house(self._outbox, watch)
            self._outbox.trouble.wait(HOUSEKEEPING)
            self._outbox.trouble.clear()

    def drained(self, timeout: float) -> bool:
        """Wait until nothing is due: what is left has a paused destination, or its time to come."""
        deadline = time.monotonic() + timeout
        while not self._outbox.at_rest(self._threads):
            if time.monotonic() > deadline:
                return False
            self._stopped.wait(_DRAINED_POLL)
        return True


class _DrainThread(threading.Thread):
    """Steps one stepper, and sleeps in between until time, arrivals or the end wake it."""

    def __init__(self, drainer: Stepper) -> None:
        super().__init__(name=f"learnrelay-{drainer.name}", daemon=True)
        self._drainer = drainer
        self._signal = threading.Condition()
        self._arrived = 0
        self._awaited: float = 1
        self._stopped = False
        self._complained = False

    def wake(self, arrivals: int) -> None:
        with self._signal:
            self._arrived += arrivals
            if self._arrived >= self._awaited:
                self._signal.notify()

    def run(self) -> None:
        while not self._stopped:
            with self._signal:
                self._arrived = 0
            rest = self._step()
            if rest is AT_ONCE:
                continue
            with self._signal:
                self._awaited = rest.arrivals
                self._signal.wait_for(lambda: self._stopped or self._arrived >= self._awaited, min(rest.seconds, POLL))
        self._drainer.close()

    def _step(self) -> Rest:
        try:
            rest = self._drainer.step()
        except OutboxError as error:
            if not self._complained:
                log.error("destination %s: %s; trying again", self._drainer.name, error)
            self._complained = True
            return Rest(_PAUSE_AFTER_ERROR, float("inf"))
        if self._complained:
            log.warning("destination %s: the outbox is well again", self._drainer.name)
        self._complained = False
        return rest

    def stop(self) -> None:
        self._drainer.stop()
        with self._signal:
            self._stopped = True
            self._signal.notify()

    def abandon(self) -> None:
        try:
            self._drainer.abandon()
        except OutboxError as error:
            log.error("destination %s: leases not returned, they end by themselves: %s", self._drainer.name, error)
