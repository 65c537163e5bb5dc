"""Defines the input ``openedx_bus_kafka``: tracking events from the Kafka topic of Open edX's event bus.

As with Redis (ADR 31), only the outbox knows how far events have been stored; the group's offsets follow it.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from learnrelay import Input, InputBatch, UnreadableEventError, hookimpl
from learnrelay.inputs import InputEvent, Position, ProbeResult

from .bus_settings import KafkaBusSection
from .tracking_record import line_of

if TYPE_CHECKING:
    from .kafka_topic import KafkaTopic, Received

log = logging.getLogger("learnrelay.openedx")

_MOST_MESSAGES = 250
_LOOK_INTERVAL = 5.0  # seconds between two looks for new partitions
_LOG_INTERVAL = 60.0  # seconds between two lines about messages that cannot be read
_SCHEMA_MARK = b"\0"  # and four bytes with the number of the schema, before the record
_LOST = UnreadableEventError("Kafka deleted the message before it was read")


class KafkaBusInput(Input):
    """Reads the messages of each partition in their order.

    A position holds the topic, its id, and for each partition the offset of the next message: so it shows how many were
    deleted unread. Each of these counts as an event that cannot be read.
    """

    name = "openedx_bus_kafka"
    settings_schema = KafkaBusSection

    def __init__(self, settings: Mapping[str, Any], key: bytes) -> None:
        super().__init__(settings, key)
        prefix = settings["topic_prefix"]
        self._name = f"{prefix}-{settings['topic']}" if prefix else settings["topic"]
        self._topic: KafkaTopic
        self._is_open = False
        self._identity = ""
        self._next: dict[int, int] = {}  # partition → offset of the next message
        self._ends: dict[int, int] = {}
        self._lost: dict[int, int] = {}  # partition → messages that were deleted unread, and not reported yet
        self._look_at = 0.0
        self._log_at = 0.0

    # --- the interface of an input --------------------------------------------------------------------------

    def open(self, position: Position | None) -> None:
        """Connects, and finds where to read on in each partition. Raises OSError."""
        self._connect()
        self._identity = self._topic.identity()
        self._next, self._ends, self._lost = {}, {}, {}
        known = self._offsets_in(position)
        for partition in self._topic.partitions():
            self._find(partition, known.get(partition))
        self._topic.read_from(self._next)
        if known:
            self._topic.acknowledge(self._next)
        self._look_at = time.monotonic() + _LOOK_INTERVAL

    def _connect(self) -> None:
        from .kafka_topic import KafkaTopic  # which needs the extra

        self._topic = KafkaTopic(self.settings, self._name)
        self._is_open = True

    def probe(self) -> ProbeResult:
        """Connects, and looks at the topic. Raises OSError."""
        try:
            self._connect()
            partitions = self._topic.partitions()
            held = sum(bounds.end - bounds.first for bounds in map(self._topic.bounds, partitions))
        finally:
            self.close()
        if not partitions:
            return ProbeResult(True, f"no topic {self._name} yet")
        return ProbeResult(True, f"topic {self._name}: {held:,} messages in {len(partitions)} partition(s)")

    def read(self, timeout: float) -> InputBatch | None:
        """Returns the next events. Raises OSError."""
        if time.monotonic() >= self._look_at:
            self._look_for_partitions()
        if self._lost:
            return self._report_lost()
        messages, displaced = self._topic.read(_MOST_MESSAGES, timeout)
        if displaced:
            for partition in displaced:
                self._find(partition, self._next[partition], is_refused=True)
            self._topic.read_from(self._next)
        if not messages:
            return None
        events: list[InputEvent] = []
        positions: list[Position] = []
        for message in messages:
            events.append(self._event(message))
            self._next[message.partition] = message.offset + 1
            positions.append(self._position())
        return InputBatch(events, positions)

    def commit(self, position: Position) -> None:
        """Acknowledges what is stored. Raises OSError."""
        self._topic.acknowledge(self._offsets_in(position))

    def close(self) -> None:
        """Disconnects."""
        if self._is_open:
            self._is_open = False
            self._topic.close()

    def lag(self) -> int:
        """Returns how many messages follow the last ones that were read."""
        ends = {partition: max(end, self._topic.end(partition)) for partition, end in self._ends.items()}
        return sum(max(0, end - self._next[partition]) for partition, end in ends.items())

    # --- the place in each partition ------------------------------------------------------------------------

    def _position(self) -> Position:
        offsets = {str(partition): offset - self._lost.get(partition, 0) for partition, offset in self._next.items()}
        return {"topic": self._name, "id": self._identity, "offsets": offsets}

    def _offsets_in(self, position: Position | None) -> dict[int, int]:
        """Returns the offsets of a position; none where it is one of another topic."""
        if not isinstance(position, dict) or position.get("topic") != self._name:
            return {}
        if position["id"] != self._identity and position["id"] and self._identity:
            log.warning("topic %s was made anew, and is read from its beginning", self._name)
            return {}
        return {int(partition): offset for partition, offset in position["offsets"].items()}

    def _find(self, partition: int, offset: int | None, *, is_refused: bool = False) -> None:
        """Goes on at ``offset``, or at the first message where it is None; where it is gone, at the next one there.

        ``is_refused``: the broker does not have the offset. Only then what it says of the end counts: it may lag.
        """
        first, end = self._topic.bounds(partition)
        self._ends[partition] = end
        if offset is None:
            self._next[partition] = first
        elif offset < first:
            log.error("topic %s: %d messages were deleted before they were read", self._name, first - offset)
            self._lost[partition] = first - offset
            self._next[partition] = first
        elif is_refused and end < offset:
            log.warning("topic %s: Kafka has lost its last messages, which were read", self._name)
            self._next[partition] = end
        else:
            self._next[partition] = offset

    def _look_for_partitions(self) -> None:
        self._look_at = time.monotonic() + _LOOK_INTERVAL
        new = [partition for partition in self._topic.partitions() if partition not in self._next]
        for partition in new:
            self._find(partition, None)
        if new:
            self._topic.read_from(self._next)

    def _report_lost(self) -> InputBatch:
        positions: list[Position] = []
        while self._lost and len(positions) < _MOST_MESSAGES:
            partition, number = next(iter(self._lost.items()))
            self._lost[partition] = number - 1
            if number == 1:
                del self._lost[partition]
            positions.append(self._position())
        return InputBatch([_LOST] * len(positions), positions)

    # --- messages -------------------------------------------------------------------------------------------

    def _event(self, message: Received) -> InputEvent:
        value = message.value
        try:
            record = value[5:] if value is not None and value[:1] == _SCHEMA_MARK else None
            return line_of(message.event_type, record)
        except UnreadableEventError as error:
            if time.monotonic() >= self._log_at:
                self._log_at = time.monotonic() + _LOG_INTERVAL
                log.warning(
                    "topic %s: message %d of partition %d cannot be read: %s",
                    self._name,
                    message.offset,
                    message.partition,
                    error,
                )
            return error


@hookimpl
def register_inputs(register: Callable[[type[Input]], None]) -> None:
    """Contributes the input."""
    register(KafkaBusInput)
