"""Makes rows of statements: the three columns of the table that Aspects reads."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson

from learnrelay import SerializedStatement

COLUMNS = ("event_id", "emission_time", "event")
TYPES = ("UUID", "DateTime64(6)", "String")

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_FIRST, _LAST = datetime(1900, 1, 1, tzinfo=UTC), datetime(2299, 12, 31, tzinfo=UTC)  # what DateTime64 can hold
_URN = "urn:uuid:"
_UUID = re.compile("[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


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
            event_id, moment = parse_id(statement.id), read_time(statement.content)
        except RowError as error:
            refused[statement.id] = str(error)
        else:
            ids.append(event_id)
            times.append((moment - _EPOCH) // _MICROSECOND)
            contents.append(statement.content)
    return (ids, times, contents), refused


def parse_id(text: str) -> int:
    """Reads the id of a statement as the number of its UUID. Raises RowError.

    Upper case is refused: two ids that differ in case would be one row.
    """
    digits = text.removeprefix(_URN)
    if _UUID.fullmatch(digits) is None:
        raise RowError("its id is not a UUID in lower case with hyphens")
    return int(digits.replace("-", ""), 16)


def read_time(content: bytes) -> datetime:
    """Reads when the event happened: ``timestamp`` of xAPI, ``eventTime`` of Caliper. Raises RowError."""
    try:
        statement: Any = orjson.loads(content)
        text = statement.get("timestamp") or statement["eventTime"]
        moment = datetime.fromisoformat(text)
    except (ValueError, KeyError, TypeError, AttributeError):
        raise RowError("it has no timestamp or eventTime that can be read") from None
    if moment.tzinfo is None:
        raise RowError("its time has no time zone")
    if not _FIRST <= moment <= _LAST:
        raise RowError("its time is not between 1900 and 2299")
    return moment
