"""Sends to the taps what passes the pipeline of this process. Never waits: what a tap does not take is left out."""

from __future__ import annotations

import logging
import os
import socket
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from fnmatch import fnmatchcase
from typing import Any

import orjson

from ..assembly.assemble import Assembly
from ..events import SourceEvent
from ..fields import ENTRY_KEY, value_at
from ..pipeline.run import Outcome, OutcomeState, Pipeline
from ..privacy.masking import HIDDEN, mask, mask_size, shown_event_name
from ..standards import SerializedStatement
from .tap_folder import TapRequest, connect, read_requests, tap_folder

log = logging.getLogger(__name__)

LONGEST_MESSAGE = 2**16
"""Bytes of a message; statements of a longer one are left out."""

_SHOWN_DIGITS = 8
_PAUSE = 1.0  # seconds for which a tap that does not keep up gets nothing

Record = Mapping[str, Any]


class TapWatch:
    """Finds the taps of an outbox."""

    def __init__(self, assembly: Assembly) -> None:
        self._assembly = assembly
        self._folder = tap_folder(assembly.config.delivery)
        self._taps: dict[str, Tap] = {}

    def look(self) -> tuple[Tap, ...]:
        """Returns the taps that there are now. Never raises."""
        names, requests = read_requests(self._folder, frozenset(self._taps))
        self._taps = {name: tap for name, tap in self._taps.items() if name in names and not tap.has_ended}
        for name, request in requests.items():
            try:
                self._taps[name] = Tap(request, connect(self._folder, name), self._assembly)
            except OSError:  # it was killed
                continue
        return tuple(self._taps.values())


class Tap:
    """Sends to one tap. Threads may share it."""

    def __init__(self, request: TapRequest, channel: socket.socket, assembly: Assembly) -> None:
        self.has_ended = False
        self._request = request
        self._channel = channel
        self._plan = assembly.plan
        self._facts = assembly.source.facts
        destination = assembly.config.destinations.get(request.destination or "")
        self._standards = (
            set(assembly.standards) if request.destination is None else {getattr(destination, "standard", "")}
        )
        self._missed = 0
        self._paused_until = 0.0
        self._without_enrichers = (
            {name: Pipeline(replace(self._plan.narrow([name]), enrichers=())) for name in self._standards}
            if request.stage == "transform" and self._plan.enrichers
            else {}
        )

    def show(self, event: SourceEvent, outcomes: Sequence[Outcome]) -> None:
        """Sends what is wanted of an event. Never raises, never waits."""
        if not fnmatchcase(event.name, self._request.event) or not self._is_ready():
            return
        try:
            if records := list(self._describe(event, outcomes)):
                name = shown_event_name(event.name, is_known=event.name in self._plan.mappings)
                self._send({"event": name, "id": event.id[:_SHOWN_DIGITS], "records": records})
        except Exception as error:  # a tap must cost no event
            log.warning("the tap ended: %s", type(error).__name__)
            self.has_ended = True

    def show_unreadable(self, reason: str) -> None:
        """Sends why an input is no event, to a tap before the filters that wants all events."""
        if self._request.stage == "filter" and self._request.event == "*" and self._is_ready():
            self._send(
                {"event": HIDDEN, "id": "", "records": [{"state": "unreadable", "reason": reason, "fields": {}}]}
            )

    def _is_ready(self) -> bool:
        """Tells whether the tap is there and keeps up; counts what it misses."""
        if self.has_ended or time.time() > self._request.until:
            self.has_ended = True
            return False
        if time.monotonic() < self._paused_until:
            self._missed += 1
            return False
        return True

    def _send(self, message: Mapping[str, Any]) -> None:
        head = {"time": time.time(), "process": os.getpid(), "missed": self._missed}
        content = orjson.dumps({**head, **message})
        if len(content) > LONGEST_MESSAGE:
            reduced = [{**record, "statements": None} for record in message["records"]]
            content = orjson.dumps({**head, **message, "records": reduced})
        try:
            self._channel.send(content)
            self._missed = 0
        except BlockingIOError:
            self._missed += 1
            self._paused_until = time.monotonic() + _PAUSE
        except OSError:  # nobody is there any more
            self.has_ended = True

    def _describe(self, event: SourceEvent, outcomes: Sequence[Outcome]) -> Iterator[Record]:
        stage, destination, key = self._request.stage, self._request.destination, event.reader.id_key
        if stage == "filter":
            yield self._describe_filtering(event, outcomes[0], key)
            return
        for outcome in outcomes:
            if outcome.standard not in self._standards:
                continue
            record: dict[str, Any] = {"standard": outcome.standard, "state": outcome.state.value}
            if outcome.state is not OutcomeState.TRANSFORMED:
                if destination is None:
                    path = f"{outcome.error.path}: " if outcome.error is not None and outcome.error.path else ""
                    yield record | {"reason": f"{path}{outcome.reason}"}
            elif stage == "route":
                allowed = [*outcome.destinations, *outcome.own]
                yield record | {
                    "to": [name for name in allowed if destination in (None, name)],
                    "kept_from": {n: why for n, why in outcome.denied.items() if destination in (None, n)},
                }
            elif statements := self._statements(event, outcome):
                yield record | {"statements": [mask(statement.parsed, key) for statement in statements]}

    def _statements(self, event: SourceEvent, outcome: Outcome) -> Sequence[SerializedStatement]:
        """Returns an outcome's statements, for the destination if there is one; before the enrichers, if wanted."""
        if (pipeline := self._without_enrichers.get(outcome.standard)) is not None:
            outcome = pipeline.process(event)[0]
        name = self._request.destination
        if name is None:
            return outcome.statements
        return outcome.own.get(name) or (outcome.statements if name in outcome.destinations else ())

    def _describe_filtering(self, event: SourceEvent, outcome: Outcome, key: bytes) -> Record:
        is_kept = bool(outcome.standard)
        reads = [self._facts, *(mapping.transformer.reads for mapping in self._plan.mappings_of(event.name))]
        fields = {
            path: mask_size(raw, key)
            for declaration in reads
            for field in declaration.declared.values()
            for path in field.paths
            if path != ENTRY_KEY and (raw := value_at(event.body, path)) is not None
        }
        state = "kept" if is_kept else outcome.state.value
        return {"state": state, "reason": "" if is_kept else outcome.reason, "fields": fields}
