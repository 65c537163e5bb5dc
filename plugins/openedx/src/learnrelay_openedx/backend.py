"""Provides `RelayBackend`, the backend of event-tracking that stores the platform's events for delivery.

It works at top level of ``EVENT_TRACKING_BACKENDS``, and nested in the backends that route: in ``tracking_logs``, whose
events have the shape of the log, in `AsyncRoutingBackend`, and in `EventBusRoutingBackend`.

Whoever emits an event must not notice what goes wrong here. So nothing is raised, nothing is made before the first
event, and the relay has no thread: it stores, and others deliver (ADR 29). Neither Django nor event-tracking is
imported before the platform itself has imported it.
"""

from __future__ import annotations

import logging
import os
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, NoReturn

from learnrelay import LearnrelayError, forks
from learnrelay.logs import ThrottledLogger

if TYPE_CHECKING:
    from learnrelay import Relay

log = logging.getLogger(__name__)
log_throttled = ThrottledLogger(log)

FIRST_PAUSE, LONGEST_PAUSE = 0.5, 300.0
"""Seconds before a relay that could not be made is tried again: twice as long each time, up to the longest."""

NO_RELAY = "the relay could not be started"
"""Reason under which `learnrelay status` counts the events of that time, of whatever name."""

NOT_PROCESSED = "the event could not be processed"


class ProcessRelay:
    """Makes the relay of this process at its first event, and tries again after pauses while that fails."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._relay: Relay | None = None
        self._failures = 0
        self._retry_at = 0.0
        self._renew()
        forks.register(self, ProcessRelay._renew)

    def _renew(self) -> None:
        """Begins with a lock of its own, and without the losses that the parent counts."""
        self._lock = threading.Lock()
        self._losses = 0

    def emit(self, event: Mapping[str, Any]) -> None:
        """Stores what comes of an event. Raises LearnrelayError where it could not, which is counted and logged."""
        relay = self._relay or self._make()
        try:
            relay.emit(event)
        except LearnrelayError:  # counted and logged by the relay
            raise
        except Exception as error:  # of a value in the event, or of a plugin
            relay.count_refusals(NOT_PROCESSED, 1)
            log_throttled(f"{NOT_PROCESSED}: {type(error).__name__}")

    def _make(self) -> Relay:
        forks.notice_fork()
        with self._lock:
            if self._relay is None:
                if time.monotonic() < self._retry_at:
                    self._losses += 1
                    raise LearnrelayError(NO_RELAY)
                try:
                    self._relay = self._start()
                except Exception as error:
                    self._note_failure(error)
                    raise LearnrelayError(NO_RELAY) from None
            return self._relay

    def _start(self) -> Relay:
        from learnrelay import Relay

        relay = Relay.from_file(self._path, engine="none")
        if self._losses:
            relay.count_refusals(NO_RELAY, self._losses)
        if self._failures:
            log.warning("%s: the relay is started; %d events were not stored before", self._path, self._losses)
        self._failures = self._losses = 0
        return relay

    def _note_failure(self, error: Exception) -> None:
        pause = min(FIRST_PAUSE * 2**self._failures, LONGEST_PAUSE)
        self._failures += 1
        self._losses += 1
        self._retry_at = time.monotonic() + pause
        reason = str(error) if isinstance(error, LearnrelayError) else type(error).__name__
        log.error(
            "%s, the next attempt is in %g s; %d events of this process were not stored so far: %s",
            NO_RELAY, pause, self._losses, reason,
        )  # fmt: skip


_relays: dict[str, ProcessRelay] = {}
"""Path of the operator's file → the relay of all backends of this process that name it."""


class RelayBackend:
    """Stores the events that event-tracking sends to it. Threads may share it, and so may forked processes.

    ``config``: the operator's file, instead of the setting ``LEARNRELAY_CONFIG``. Without a file, and with
    ``LEARNRELAY_ENABLED = False``, it does nothing. Settings are read at the first event, when all of them are set.
    """

    def __init__(self, config: str | None = None) -> None:
        self._config = config
        self._relay: ProcessRelay | None = None
        self._is_ready = False

    def send(self, event: Mapping[str, Any]) -> None:
        """Stores what comes of an event, within ``delivery.wait``; raises nothing.

        A consumer of the event bus acknowledges an event whatever a backend raises. It ends here instead: the bus keeps
        the event, and gives it to the consumer again that is started next.
        """
        if not self._is_ready:
            self._relay = self._find_relay()
            self._is_ready = True
        if self._relay is None:
            return
        try:
            self._relay.emit(event)
        except LearnrelayError as error:
            if any(place.caller == "bus" for place in list_places() if place.backend is self):
                _end_consumer(error)

    def _find_relay(self) -> ProcessRelay | None:
        path = self._config
        if "django.conf" in sys.modules:
            from django.conf import settings

            if not getattr(settings, "LEARNRELAY_ENABLED", True):
                return None
            path = path or getattr(settings, "LEARNRELAY_CONFIG", None)
        return _relays.setdefault(str(path), ProcessRelay(str(path))) if path else None


Caller = Literal["request", "task", "bus"]
"""What calls a backend: whatever emits an event, a Celery task of event-tracking, or a consumer of the event bus."""

_CALLERS: Mapping[tuple[str, str], Caller] = {
    ("eventtracking.backends.async_routing", "AsyncRoutingBackend"): "task",
    ("eventtracking.backends.event_bus", "EventBusRoutingBackend"): "bus",
}
"""Module and name of a routing backend → what calls the backends in it."""


@dataclass(frozen=True, slots=True)
class BackendPlace:
    """Says where in the platform's tracker a backend of ours is. path: names of the backends above it, and its own."""

    path: tuple[str, ...]
    backend: RelayBackend
    caller: Caller


def list_places() -> Iterator[BackendPlace]:
    """Yields the places of all backends of ours in the platform's tracker."""
    tracker = sys.modules.get("eventtracking.tracker")
    if tracker is not None:
        try:
            backends = tracker.get_tracker().backends
        except KeyError:  # tracking is disabled
            return
        yield from _places_in(backends, (), "request")


def _places_in(backends: Mapping[str, Any], path: tuple[str, ...], caller: Caller) -> Iterator[BackendPlace]:
    for name, backend in backends.items():
        if isinstance(backend, RelayBackend):
            yield BackendPlace((*path, name), backend, caller)
        elif isinstance(nested := getattr(backend, "backends", None), Mapping):
            types = {(kind.__module__, kind.__name__) for kind in type(backend).__mro__}
            of_nested = next((_CALLERS[kind] for kind in _CALLERS if kind in types), caller)
            yield from _places_in(nested, (*path, name), of_nested)


def _end_consumer(error: Exception) -> NoReturn:
    """Ends this process at once: an exception of any kind would pass the place where the consumer acknowledges."""
    log.critical("%s: the consumer of the event bus ends without acknowledging its event, to read it again", error)
    logging.shutdown()
    os._exit(os.EX_TEMPFAIL)
