"""Reads what Open edX's event bus carries for each tracking event, in Redis and in Kafka alike.

`TrackingLogData` of openedx-events is written as Avro without its schema: four strings, each its length in bytes as
zigzag varint and its UTF-8 (Avro 1.12, Binary Encoding). Data and context are JSON texts. A later minor version may
add fields, behind these.
"""

from __future__ import annotations

import json
from typing import Any

import orjson

from learnrelay import UnreadableEventError

EVENT_TYPE = b"org.openedx.analytics.tracking.event.emitted.v1"

_NO_RECORD = "the entry holds no record of a tracking event"
_LONGEST_VARINT = 10  # bytes


def line_of(event_type: bytes | None, record: bytes | None) -> bytes:
    """Returns the event as a line of JSON, in the shape that event-tracking gives to a backend.

    Raises UnreadableEventError for what is no tracking event, never with a word of it.
    """
    if event_type != EVENT_TYPE:
        raise UnreadableEventError(f"the entry is of another type than {EVENT_TYPE.decode()}")
    if record is None:
        raise UnreadableEventError(_NO_RECORD)
    name, timestamp, data, context = _read_texts(record)
    _parse(data, "its data is no JSON")
    if type(_parse(context, "its context is no JSON")) is not dict:
        raise UnreadableEventError("its context is no JSON object")
    # Each part is the text of one JSON value, so nothing in it can reach beyond its own key.
    head = b'{"name":%b,"timestamp":%b,' % (orjson.dumps(name), orjson.dumps(timestamp))
    return head + b'"data":%b,"context":%b}' % (data.encode(), context.encode())


def _read_texts(record: bytes) -> list[str]:
    texts = []
    start = 0
    for _ in range(4):
        size, start = _read_length(record, start)
        end = start + size
        try:
            texts.append(record[start:end].decode())
        except UnicodeDecodeError:
            raise UnreadableEventError(_NO_RECORD) from None
        start = end
    return texts


def _read_length(record: bytes, start: int) -> tuple[int, int]:
    """Returns the length of the text that begins at ``start``, and where its first byte is."""
    number = 0
    for place, byte in enumerate(record[start : start + _LONGEST_VARINT]):
        number |= (byte & 0x7F) << (7 * place)
        if byte < 0x80:
            begin, is_negative = start + place + 1, number & 1
            if not is_negative and begin + (number >> 1) <= len(record):
                return number >> 1, begin
            break
    raise UnreadableEventError(_NO_RECORD)


def _parse(text: str, fault: str) -> Any:
    """Parses a JSON text, also one with what only Python's writer makes, such as NaN."""
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        try:
            return json.loads(text)
        except (ValueError, RecursionError):
            raise UnreadableEventError(fault) from None
