"""Reads the events in the body of a request: lines, an array, or what shippers of logs make of lines."""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping
from typing import Any, NamedTuple

import orjson

from learnrelay import UnreadableEventError

_PIECE = 2**16


class BodyError(Exception):
    """Reports a body of which nothing can be kept, with the status of the answer."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason


class NumberedEvent(NamedTuple):
    """Holds an event with its number, from 1: of its line, or of its place in the array."""

    number: int
    event: bytes | UnreadableEventError


def unpack(body: bytes, encoding: str, limit: int) -> bytes:
    """Unpacks a body that came with this ``Content-Encoding``. Raises BodyError, also beyond ``limit`` bytes."""
    if encoding in ("", "identity"):
        return body
    if encoding not in ("gzip", "x-gzip"):
        raise BodyError(415, "Content-Encoding: expected gzip, or none")
    content = b""
    while body:
        unpacker = zlib.decompressobj(16 + zlib.MAX_WBITS)
        try:
            while body and not unpacker.eof:
                content += unpacker.decompress(body, min(_PIECE, limit + 1 - len(content)))
                body = unpacker.unconsumed_tail
                if len(content) > limit:
                    raise BodyError(413, f"the body unpacks to more than {limit:,} bytes")
        except zlib.error:
            raise BodyError(400, "the body is no gzip, or damaged") from None
        if not unpacker.eof:
            raise BodyError(400, "the body is cut short")
        body = unpacker.unused_data
    return content


def split_events(content: bytes) -> list[NumberedEvent]:
    """Lists the events of a body: of an array, or one for each line that is not blank. Raises BodyError."""
    if content.lstrip()[:1] == b"[":
        return [NumberedEvent(number, _event_of(item)) for number, item in enumerate(_read_array(content), 1)]
    lines = content.split(b"\n")
    if len(lines) == 1 + (not lines[-1]) and (records := _split_stream(content)):
        return [NumberedEvent(number, _event_of(record)) for number, record in enumerate(records, 1)]
    return [NumberedEvent(number, _unwrap_line(line)) for number, line in enumerate(lines, 1) if line.strip()]


def _read_array(content: bytes) -> list[Any]:
    try:
        items: list[Any] = orjson.loads(content)
    except orjson.JSONDecodeError:
        raise BodyError(400, "the body is no JSON array, though it begins like one") from None
    return items


def _split_stream(line: bytes) -> list[dict[str, Any]]:
    """Lists the records of Fluent Bit that follow each other in a line; none where it is anything else."""
    if b'"log"' not in line or b"}{" not in line:
        return []
    records, at, decoder = [], 0, json.JSONDecoder()
    try:
        text = line.decode().strip()
        while at < len(text):
            record, at = decoder.raw_decode(text, at)
            records.append(record)
    except (ValueError, RecursionError):
        return []
    return records if all(type(record) is dict and _line_in(record) is not None for record in records) else []


def _event_of(item: Any) -> bytes | UnreadableEventError:
    if isinstance(item, dict):
        line = _line_in(item)
        return orjson.dumps(item) if line is None else line
    return UnreadableEventError("not an object")


def _unwrap_line(line: bytes) -> bytes:
    """Returns the line that a shipper has wrapped in an object, or the line as it is."""
    if b'"source_type"' not in line and b'"log"' not in line:
        return line
    try:
        item = orjson.loads(line)
    except orjson.JSONDecodeError:
        return line
    wrapped = _line_in(item) if isinstance(item, dict) else None
    return line if wrapped is None else wrapped


def _line_in(item: Mapping[str, Any]) -> bytes | None:
    """Returns the line of a log in the object that Vector or Fluent Bit makes of it; None for any other object.

    Vector: ``message`` beside ``source_type``. Fluent Bit: ``log`` beside ``date``; alone, or beside a time of another
    name, where ``json_date_key`` says so.
    """
    others = [value for key, value in item.items() if key != "log"]
    is_record = "date" in item or not others or (len(others) == 1 and _is_time(others[0]))
    for key, is_wrapped in (("message", "source_type" in item), ("log", is_record)):
        line = item.get(key)
        if is_wrapped and isinstance(line, str) and "{" in line:
            return line.encode(errors="replace")
    return None


def _is_time(value: Any) -> bool:
    """Tells whether a value is a time as Fluent Bit writes it: a number, or a date."""
    return type(value) in (int, float) or (isinstance(value, str) and value[:4].isdigit())
