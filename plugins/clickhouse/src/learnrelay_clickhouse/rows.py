"""Makes rows of statements: the three columns of the table that Aspects reads."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
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


class StatementHead(msgspec.Struct):
    """Holds what decides about a row. To parse all of a statement costs more than all the rest of its row.

    result, object: as they are written; empty where they are missing.
    """

    timestamp: Any = None
    eventTime: Any = None  # noqa: N815  # Caliper's name
    verb: Any = None
    result: msgspec.Raw = msgspec.Raw()  # never changed
    object: msgspec.Raw = msgspec.Raw()


_decode_head = msgspec.json.Decoder(StatementHead).decode


_NO_TIME = "it has no timestamp or eventTime that can be read"


class RowError(ValueError):
    """Reports that a statement makes no row. The text holds no value of it."""


@dataclass
class Columns:
    """Holds the values of `COLUMNS`. Ids are the numbers of UUIDs, times are microseconds since 1970."""

    ids: list[int] = field(default_factory=list)
    times: list[int] = field(default_factory=list)
    contents: list[bytes] = field(default_factory=list)

    def values(self) -> tuple[list[int], list[int], list[bytes]]:
        """Returns the columns in their order."""
        return self.ids, self.times, self.contents


def make_columns(
    statements: Sequence[SerializedStatement], is_readable: Callable[[StatementHead], bool]
) -> tuple[Columns, Columns, dict[str, str]]:
    """Returns the columns of readable and of other statements, and statement id → reason for those that make no row.

    Ids and times are the table's key, so they follow from the statement alone.
    """
    readable, others = Columns(), Columns()
    refused: dict[str, str] = {}
    for statement in statements:
        try:
            event_id, head = parse_id(statement.id), read_head(statement.content)
            time = read_time(head)
        except RowError as error:
            refused[statement.id] = str(error)
            continue
        columns = readable if is_readable(head) else others
        columns.ids.append(event_id)
        columns.times.append(time)
        columns.contents.append(statement.content)
    return readable, others, refused


def parse_id(text: str) -> int:
    """Reads the id of a statement as the number of its UUID. Raises RowError.

    Upper case is refused: two ids that differ in case would be one row.
    """
    match = _UUID.fullmatch(text)
    if match is None:
        raise RowError("its id is not a UUID in lower case with hyphens")
    return int(match[1].replace("-", ""), 16)


def read_head(content: bytes) -> StatementHead:
    """Reads what decides about the row of a statement. Raises RowError."""
    try:
        return _decode_head(content)
    except msgspec.DecodeError:
        raise RowError(_NO_TIME) from None


def read_time(head: StatementHead) -> int:
    """Reads when the event happened: ``timestamp`` of xAPI, ``eventTime`` of Caliper. Raises RowError.

    Returns microseconds since 1970.
    """
    try:
        moment = datetime.fromisoformat(head.timestamp or head.eventTime)
    except (ValueError, TypeError):
        raise RowError(_NO_TIME) from None
    if moment.tzinfo is None:
        raise RowError("its time has no time zone")
    since = moment - _EPOCH
    time = since.days * _DAY + since.seconds * _SECOND + since.microseconds
    if not _FIRST <= time < _LAST:
        raise RowError("its time is not between 1900 and 2299")
    return time
