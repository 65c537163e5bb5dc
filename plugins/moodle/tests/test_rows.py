"""Rows as lines of CSV, and values that PHP has serialized."""

from __future__ import annotations

import csv
import io
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from learnrelay import UnreadableEventError
from learnrelay.errors import BlankLineError
from learnrelay_moodle.php import read_serialized
from learnrelay_moodle.rows import COLUMNS, read_facts
from learnrelay_moodle.source import MoodleSource
from moodle_goldens import line_of

SOURCE = MoodleSource()
OTHER = '{"discussionid":240,"forumtype":"a \\"general\\" one, and; more"}'
VALUES: dict[str, Any] = {
    "id": "480001", "eventname": r"\mod_forum\event\post_created", "component": "mod_forum", "action": "created",
    "target": "post", "objecttable": "forum_posts", "objectid": "1801", "crud": "c", "edulevel": "2",
    "contextid": "1709", "contextlevel": "70", "contextinstanceid": "509", "userid": "31", "courseid": "7",
    "relateduserid": None, "anonymous": "0", "other": OTHER, "timecreated": "1772445600", "origin": "web",
    "ip": "192.0.2.10", "realuserid": None,
}  # fmt: skip


def with_quotes(delimiter: str, null: str) -> bytes:
    """Writes the row as spreadsheets and PostgreSQL do."""
    text = io.StringIO()
    csv.writer(text, delimiter=delimiter).writerow([null if value is None else value for value in VALUES.values()])
    return text.getvalue().encode()


def with_backslashes(delimiter: str, quote: str) -> bytes:
    """Writes the row as ``SELECT ... INTO OUTFILE`` of MySQL does."""
    cells = []
    for value in VALUES.values():
        escaped = "".join(f"\\{letter}" if letter in (delimiter, quote, "\\") else letter for letter in value or "")
        cells.append(r"\N" if value is None else f"{quote}{escaped}{quote}")
    return delimiter.join(cells).encode() + b"\n"


LINES = [
    with_quotes(",", ""), with_quotes(";", "NULL"), with_quotes(",", r"\N"), with_quotes("\t", ""),
    with_backslashes(",", '"'), with_backslashes("\t", ""),
]  # fmt: skip


@pytest.mark.parametrize("line", LINES)
def test_a_line_of_csv_is_the_row(line: bytes) -> None:
    event = SOURCE.event_from_line(line)
    assert event.name == VALUES["eventname"]
    assert event.body == SOURCE.event_from_line(line_of(VALUES)).body
    assert event.body["data"] == {"discussionid": 240, "forumtype": 'a "general" one, and; more'}
    assert event.body["context"]["realuserid"] is None


def test_the_header_is_no_event() -> None:
    with pytest.raises(BlankLineError):
        SOURCE.event_from_line(",".join(COLUMNS).encode())
    with pytest.raises(UnreadableEventError, match="not in the order of the table"):
        SOURCE.event_from_line(b"id,eventname,userid")
    with pytest.raises(UnreadableEventError, match="another number of columns"):
        SOURCE.event_from_line(rb"7,\core\event\course_viewed,31")


def serialized(value: Any) -> str:
    """Serializes a value as PHP does: lengths count bytes."""
    match value:
        case None:
            return "N;"
        case bool():
            return f"b:{int(value)};"
        case int():
            return f"i:{value};"
        case float():
            return f"d:{value!r};"
        case str():
            return f's:{len(value.encode())}:"{value}";'
        case list():
            return f"a:{len(value)}:{{{''.join(f'i:{place};{serialized(item)}' for place, item in enumerate(value))}}}"
        case _:
            return f"a:{len(value)}:{{{''.join(serialized(key) + serialized(item) for key, item in value.items())}}}"


TEXTS = st.text(st.characters(exclude_categories=["Cs"]))
VALUES_OF_PHP = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False) | TEXTS,
    lambda inner: st.lists(inner, min_size=1) | st.dictionaries(TEXTS, inner),
    max_leaves=8,
)


@settings(max_examples=40)
@given(VALUES_OF_PHP)
def test_what_php_has_serialized_is_read(value: Any) -> None:
    assert read_serialized(serialized(value)) == value
    if serialized(value)[1:2] == ":":
        assert read_facts(serialized(value)) == value


@settings(max_examples=40)
@given(st.text('abNdsiO:;{}"0123456789-.', max_size=40) | st.text(max_size=20))
def test_everything_else_says_nothing(text: str) -> None:
    read_facts(text)  # raises nothing
    with suppress(ValueError):
        assert serialized(read_serialized(text)), "what is read is a value of PHP"


@pytest.mark.parametrize(
    "text",
    ["a:1:" + "{i:0;a:1:" * 5000, 'a:99999999:{i:0;i:1;}', 's:99999999:"x";', 's:-1:"x";', "i:" + "9" * 5000 + ";",
     "d:INF;", "d:NAN;", "b:2;", 'a:1:{a:0:{}i:1;}', "i:7;i:8;", "s:2:\"é\"", "R:1;", "x" * 2**21],
)  # fmt: skip
def test_hostile_texts_are_refused(text: str) -> None:
    with pytest.raises(ValueError):
        read_serialized(text)


def test_mappings_are_rows_too() -> None:
    kept = dict(VALUES)
    event = SOURCE.event_from_mapping(kept)
    assert event.body == SOURCE.event_from_line(line_of(VALUES)).body
    assert kept == VALUES, "the caller's row stays as it is"
