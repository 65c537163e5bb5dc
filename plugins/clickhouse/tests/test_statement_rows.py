"""The row of a statement: what is read of it without parsing it is what parsing it gives."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from learnrelay import SerializedStatement
from learnrelay_clickhouse.rows import RowError, make_columns, read_head, read_time

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
TIME = "2026-03-01T10:20:30.123456+02:00"
MICROSECONDS = (datetime.fromisoformat(TIME) - EPOCH) // timedelta(microseconds=1)
DECOYS = [
    "timestamp",
    "eventTime",
    '"timestamp":"1999-01-01T00:00:00Z"',
    ',"eventTime":"',
    "}",
    "{",
    "[",
    "\\",
    "é",
    "",
]

names = st.sampled_from(["id", "actor", "verb", *DECOYS]) | st.text(max_size=5)
times = st.sampled_from([TIME, "2026-03-01T08:20:30Z", "1969-12-31T23:59:59.999999Z", "tomorrow", ""])
values = st.recursive(
    times | st.sampled_from(DECOYS) | st.text(max_size=8) | st.integers(0, 9) | st.none() | st.booleans(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3),
    max_leaves=12,
)


@given(st.dictionaries(names, values, max_size=4), st.sampled_from(["timestamp", "eventTime"]), times, values)
def test_the_time_is_that_of_the_parsed_statement(first: dict[str, Any], key: str, time: str, last: Any) -> None:
    statement = {**first, key: time, "object": last}
    try:
        moment = datetime.fromisoformat(statement.get("timestamp") or statement["eventTime"])
        expected: int | None = (moment - EPOCH) // timedelta(microseconds=1)
    except (ValueError, TypeError, KeyError, AttributeError):
        expected = None
    try:
        assert read_time(read_head(orjson.dumps(statement))) == expected
    except RowError:
        assert expected is None or moment.tzinfo is None


def test_a_member_of_the_actor_is_not_the_time() -> None:
    statement = b'{"id":"x","actor":{"timestamp":"1999-01-01T00:00:00Z"},"timestamp":"%s"}' % TIME.encode()
    assert read_time(read_head(statement)) == MICROSECONDS


def test_the_time_of_xapi_goes_before_that_of_caliper() -> None:
    statement = b'{"eventTime":"1999-01-01T00:00:00Z","timestamp":"%s"}' % TIME.encode()
    assert read_time(read_head(statement)) == MICROSECONDS


@pytest.mark.parametrize(
    ("time", "reason"),
    [
        ("2300-01-01T00:00:00Z", "not between 1900 and 2299"),
        ("1899-12-31T23:59:59.999999Z", "not between 1900 and 2299"),
        ("2026-03-01T10:20:30", "no time zone"),
        ("soon", "no timestamp or eventTime"),
    ],
)
def test_a_time_that_cannot_be_stored_is_refused(time: str, reason: str) -> None:
    with pytest.raises(RowError, match=reason):
        read_time(read_head(b'{"id":"x","timestamp":"%s"}' % time.encode()))


def test_rows_hold_id_time_and_the_statement_as_it_is() -> None:
    content = b'{"id":"x","timestamp":"%s"}' % TIME.encode()
    name = "0123abcd-0000-4000-8000-00000000000f"
    made, others, refused = make_columns(
        [
            SerializedStatement(f"urn:uuid:{name}", content),
            SerializedStatement(name.upper(), content),
            SerializedStatement(name + "\n", content),
        ],
        lambda _: True,
    )
    assert others.ids == []
    assert made.values() == ([int(name.replace("-", ""), 16)], [MICROSECONDS], [content])
    assert set(refused) == {name.upper(), name + "\n"}
