"""Derives the flows of events for the data map, in the background: of events with much in them it takes long."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field

from learnrelay.assembly.assemble import Assembly
from learnrelay.privacy.data_map import Row, derive_data_map
from learnrelay.privacy.flow_cache import FlowCache, find_folder


@dataclass(eq=False, slots=True)
class _Derivation:
    done: threading.Event = field(default_factory=threading.Event)
    rows: list[Row] = field(default_factory=list)
    error: Exception | None = None


class EventFlows:
    """Derives the flows of each event once, one event after the other. Threads may share it."""

    def __init__(self, assembly: Assembly) -> None:
        self._assembly = assembly
        self._lock = threading.Lock()
        self._turn = threading.Lock()
        self._derivations: dict[str, _Derivation] = {}

    def find(self, event: str, patience: float) -> list[Row] | None:
        """Returns the flows of an event, or None where they are not derived within ``patience`` seconds.

        Raises what the derivation raised, once; the next call tries again.
        """
        with self._lock:
            derivation = self._derivations.get(event)
            if derivation is None:
                derivation = self._derivations[event] = _Derivation()
                threading.Thread(target=self._derive, args=(event, derivation), daemon=True).start()
        if not derivation.done.wait(patience):
            return None
        if derivation.error is not None:
            with self._lock:
                self._derivations.pop(event, None)
            raise derivation.error
        return derivation.rows

    def _derive(self, event: str, derivation: _Derivation) -> None:
        try:
            with self._turn:
                cache = FlowCache(self._assembly, find_folder())
                derivation.rows = derive_data_map(self._assembly, {event}, cache=cache)
        except Exception as error:  # of a plugin; told to who asks
            derivation.error = error
        derivation.done.set()
