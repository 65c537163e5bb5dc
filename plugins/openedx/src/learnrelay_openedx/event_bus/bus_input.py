"""Defines the input ``openedx_bus``: tracking events from the Redis stream of Open edX's event bus.

How far events have been stored, only the outbox knows; the group in Redis is set behind that when they are (ADR 31).
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from learnrelay import Input, InputBatch, UnreadableEventError, hookimpl
from learnrelay.inputs import InputEvent, Position, ProbeResult

from .bus_settings import RedisBusSection
from .entry_ids import BEGIN, EntryId, read_id, write_id
from .tracking_record import line_of

if TYPE_CHECKING:
    from .redis_stream import RedisStream, StreamState

log = logging.getLogger("learnrelay.openedx")

_MOST_ENTRIES = 250
_LOOK_INTERVAL = 1.0  # seconds between two looks at the stream
_LOG_INTERVAL = 60.0  # seconds between two lines about entries that cannot be read
_NEAR = 2  # one part in so many of a stream that is trimmed may be unread, before it is warned of
_LOST = UnreadableEventError("Redis trimmed the stream before the entry was read")


class RedisBusInput(Input):
    """Reads the entries of a stream in their order.

    A position holds the stream, the id of an entry, and how many entries the stream got up to there: so it shows how
    many were trimmed unread. Each of these counts as an event that cannot be read.
    """

    name = "openedx_bus"
    settings_schema = RedisBusSection

    def __init__(self, settings: Mapping[str, Any], key: bytes) -> None:
        super().__init__(settings, key)
        prefix = settings["topic_prefix"]
        self._name = f"{prefix}-{settings['topic']}" if prefix else settings["topic"]
        self._stream: RedisStream
        self._is_open = False
        self._last = BEGIN
        self._entries = 0  # that the stream got up to `_last`
        self._lost = 0  # entries that were trimmed unread, and not reported yet
        self._state: StreamState
        self._look_at = 0.0
        self._log_at = 0.0
        self._is_near = False

    # --- the interface of an input --------------------------------------------------------------------------

    def open(self, position: Position | None) -> None:
        """Connects, makes the group if there is none, and finds where to read on. Raises OSError."""
        self._connect()
        self._state, self._lost, self._look_at = self._stream.look(), 0, 0.0
        if self._state.acknowledged is None:
            self._stream.make_group()
        if isinstance(position, dict) and position.get("stream") == self._name:  # not that of another stream or input
            self._find(read_id(position["id"]), position["entries"])
            self._stream.acknowledge(self._last, self._entries, has_pending=self._state.pending > 0)
        else:
            self._last, self._entries = BEGIN, self._state.removed
        if danger := self._eviction():
            log.warning("stream %s: %s", self._name, danger)

    def _connect(self) -> None:
        from .redis_stream import RedisStream  # which needs the extra

        settings = self.settings
        self._stream = RedisStream(
            settings["url"], settings["password"], settings["ca_file"], self._name, settings["group"]
        )
        self._is_open = True

    def _eviction(self) -> str:
        """Says that Redis may evict the stream; empty where it does not."""
        policy = self._stream.eviction_policy()
        if not policy.startswith("allkeys-"):
            return ""
        return (
            f"Redis may evict it as a whole (maxmemory-policy {policy}); what is not read is lost then. Set "
            "volatile-lru, or give the bus a Redis of its own"
        )

    def probe(self) -> ProbeResult:
        """Connects, and looks at the stream and the group. Raises OSError."""
        try:
            self._connect()
            state, eviction = self._stream.look(), self._eviction()
        finally:
            self.close()
        content = f"stream {self._name}: {state.length:,} entries" if state.added else f"no stream {self._name} yet"
        group = "" if state.acknowledged is not None else f"; group {self.settings['group']} is made at the first start"
        return ProbeResult(True, content + group + (f"; {eviction}" if eviction else ""))

    def read(self, timeout: float) -> InputBatch | None:
        """Returns the next events. Raises OSError."""
        if time.monotonic() >= self._look_at:
            self._look()
        if self._lost:
            return self._report_lost()
        entries = self._stream.read_after(self._last, _MOST_ENTRIES, timeout)
        if not entries:
            return None
        events: list[InputEvent] = []
        positions: list[Position] = []
        for entry_id, fields in entries:
            self._last, self._entries = entry_id, self._entries + 1
            events.append(self._event(fields))
            positions.append(self._position())
        return InputBatch(events, positions)

    def commit(self, position: Position) -> None:
        """Acknowledges what is stored. Raises OSError, also where the group is gone: then the core opens it again."""
        place = read_id(position["id"])
        self._stream.acknowledge(place, position["entries"], has_pending=self._state.pending > 0)

    def close(self) -> None:
        """Disconnects."""
        if self._is_open:
            self._is_open = False
            self._stream.close()

    def lag(self) -> int:
        """Returns how many entries follow the last one that was read."""
        return max(0, self._state.added - self._entries)

    # --- the place in the stream ----------------------------------------------------------------------------

    def _position(self) -> Position:
        return {"stream": self._name, "id": write_id(self._last), "entries": self._entries}

    def _find(self, place: EntryId, entries: int) -> None:
        """Goes on behind ``place``, in the same stream or in one that has taken its place.

        Only the stream that we have read has our group, with something acknowledged. Any other is read from its
        beginning: up to ``place`` where that entry is still there (the group was deleted), else as a new one.
        """
        state = self._state
        if state.acknowledged not in (None, BEGIN):
            if state.last < place:
                log.warning("stream %s: Redis has lost its last entries, which were read", self._name)
            self._last, self._entries = min(place, state.last), min(entries, state.added)
            return
        if state.acknowledged is None:
            log.warning(
                "stream %s: its group %s was gone, and is made anew. If Redis has evicted the stream, what was not"
                " read of it is lost",
                self._name,
                self.settings["group"],
            )
        self._last, self._entries = BEGIN, state.removed
        if self._stream.has_entry(place):
            self._skip_to(place)

    def _skip_to(self, place: EntryId) -> None:
        """Passes over what was stored: the entries up to ``place``, which is one of them."""
        while entries := self._stream.read_after(self._last, _MOST_ENTRIES, 0):
            for entry_id, _ in entries:
                if entry_id > place:
                    return
                self._last, self._entries = entry_id, self._entries + 1

    def _look(self) -> None:
        """Looks how the stream is, and whether entries were trimmed that were not read. Raises OSError."""
        before, self._state = self._state, self._stream.look()
        self._look_at = time.monotonic() + _LOOK_INTERVAL
        if self._state.acknowledged is None or self._state.added < self._entries:
            raise ConnectionError(0, f"stream {self._name}: its group is gone, or Redis has lost entries")
        self._lost = max(0, self._state.removed - self._entries)
        if self._lost:
            log.error("stream %s: %d entries were trimmed before they were read", self._name, self._lost)
        if self._state.removed > before.removed and self.lag() * _NEAR >= self._state.length:
            if not self._is_near:
                log.warning(
                    "stream %s: %d of its %d entries are not read yet, and the oldest are being trimmed: raise"
                    " EVENT_BUS_REDIS_STREAM_MAX_LEN of the platform",
                    self._name,
                    self.lag(),
                    self._state.length,
                )
            self._is_near = True
        elif not self.lag():
            self._is_near = False

    def _report_lost(self) -> InputBatch:
        number = min(self._lost, _MOST_ENTRIES)
        self._lost -= number
        positions = []
        for _ in range(number):
            self._entries += 1
            positions.append(self._position())
        return InputBatch([_LOST] * number, positions)

    # --- entries --------------------------------------------------------------------------------------------

    def _event(self, fields: Mapping[bytes, bytes]) -> InputEvent:
        try:
            return line_of(fields.get(b"type"), fields.get(b"event_data"))
        except UnreadableEventError as error:
            if time.monotonic() >= self._log_at:
                self._log_at = time.monotonic() + _LOG_INTERVAL
                log.warning("stream %s: entry %s cannot be read: %s", self._name, self._position()["id"], error)
            return error


@hookimpl
def register_inputs(register: Callable[[type[Input]], None]) -> None:
    """Contributes the input."""
    register(RedisBusInput)
