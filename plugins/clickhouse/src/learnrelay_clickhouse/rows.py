"""Makes rows of statements: the three columns of the table that Aspects reads."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec

from learnrelay import SerializedStatement

COLUMNS = ("event_id", "emission_time", "event")
TYPES = ("UUID", "DateTime64(6)", "String")

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_DAY, _SECOND = 86_400_000_000, 1_000_000  # microseconds
_FIRST, _LAST = (
    (datetime(year, 1, 1, tzinfo=UTC) - _EPOCH).days * _DAY for year in (1900, 2300)
)  # what DateTime64 can hold
_UUID = re.compile("(?:urn:uuid:)?([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})")


class _Times(msgspec.Struct):
    """Reads the time of a statement alone: to parse all of it costs more than all the rest of its row."""

    timestamp: Any = None
    eventTime: Any = None  # noqa: N815  # Caliper's name


_read_times = msgspec.json.Decoder(_Times).decode


class RowError(ValueError):
    """Reports that a statement makes no row. The text holds no value of it."""


def make_columns(
    statements: Sequence[SerializedStatement],
) -> tuple[tuple[list[int], list[int], list[bytes]], dict[str, str]]:
    """Returns the values of `COLUMNS`, and statement id → reason for statements that make no row.

    Ids are the numbers of UUIDs, times are microseconds since 1970. They are the table's key, so they follow from
    the statement alone.
    """
    ids: list[int] = []
    times: list[int] = []
    contents: list[bytes] = []
    refused: dict[str, str] = {}
    for statement in statements:
        try:
            event_id, time = parse_id(statement.id), read_time(statement.content)
        except RowError as error:
            refused[statement.id] = str(error)
        else:
            ids.append(event_id)
            times.append(time)
            contents.append(statement.content)
    return (ids, times, contents), refused


def parse_id(text: str) -> int:
    """Reads the id of a statement as the number of its UUID. Raises RowError.

    Upper case is refused: two ids that differ in case would be one row.
    """
    match = _UUID.fullmatch(text)
    if match is None:
        raise RowError("its id is not a UUID in lower case with hyphens")
    return int(match[1].replace("-", ""), 16)


def read_time(content: bytes) -> int:
    """Reads when the event happened: ``timestamp`` of xAPI, ``eventTime`` of Caliper. Raises RowError.

    Returns microseconds since 1970.
    """
    try:
        times = _read_times(content)
        moment = datetime.fromisoformat(times.timestamp or times.eventTime)
    except (ValueError, TypeError, msgspec.DecodeError):
        raise RowError("it has no timestamp or eventTime that can be read") from None
    if moment.tzinfo is None:
        raise RowError("its time has no time zone")
    since = moment - _EPOCH
    time = since.days * _DAY + since.seconds * _SECOND + since.microseconds
    if not _FIRST <= time < _LAST:
        raise RowError("its time is not between 1900 and 2299")
    return time
