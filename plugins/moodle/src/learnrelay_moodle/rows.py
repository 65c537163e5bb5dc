"""Reads rows of the log table: as JSON objects, or as lines of a CSV file whose columns are in the table's order."""

from __future__ import annotations

import csv
import re
from typing import Any

import orjson

from learnrelay import UnreadableEventError
from learnrelay.errors import BlankLineError

from .php import read_serialized

COLUMNS = (
    "id", "eventname", "component", "action", "target", "objecttable", "objectid", "crud", "edulevel", "contextid",
    "contextlevel", "contextinstanceid", "userid", "courseid", "relateduserid", "anonymous", "other", "timecreated",
    "origin", "ip", "realuserid",
)  # fmt: skip
"""Columns of ``logstore_standard_log``, in the order of the table."""

JOINED = (
    "competencyid", "grade", "grade_cmid", "grade_itemmodule", "grade_itemtype", "grade_max", "grade_min", "grade_pass",
    "module",
)  # fmt: skip
"""Columns of other tables, which an export may join to the rows (docs/moodle.md)."""

RESTORED_LOG = "restored log"
"""What stands for the origin of a row that has none: only a restore of old logs writes such rows."""

# --- JSON -----------------------------------------------------------------------------------------------


def read_row(raw: dict[str, Any]) -> dict[str, Any]:
    """Returns a row with the one form of its name, with its facts decoded, and with a word for an origin of null.

    Joined columns are put into the context, where those of the table come from the shape.
    """
    row = dict(raw)
    if joined := {column: row[column] for column in JOINED if column in row}:
        given = row.get("context")
        row["context"] = {**joined, **(given if type(given) is dict else {})}
    if type(name := row.get("eventname")) is str:
        row["eventname"] = read_name(name)
    if type(other := row.get("other")) is str:
        row["other"] = read_facts(other)
    if type(context := row.get("context")) is dict and "origin" in context and context["origin"] is None:
        row["context"] = {**context, "origin": RESTORED_LOG}
    if "origin" in row and row["origin"] is None:
        row["origin"] = RESTORED_LOG
    return row


def read_name(name: str) -> str:
    r"""Returns the name of an event with single backslashes and one before it, as Moodle writes it.

    >>> print(read_name(r"core\event\course_viewed"), read_name(r"\\core\\event\\course_viewed"))
    \core\event\course_viewed \core\event\course_viewed
    """
    if "\\" not in name or (name[0] == "\\" and "\\\\" not in name):  # as it is in the table
        return name
    return "\\" + re.sub(r"\\+", r"\\", name).removeprefix("\\")


def read_facts(text: str) -> Any:
    """Decodes the column ``other``: serialized by PHP, or JSON. None where it says nothing, or cannot be read.

    >>> read_facts('{"quizid":22}'), read_facts('a:1:{s:6:"quizid";s:2:"22";}'), read_facts("41"), read_facts("N;")
    ({'quizid': 22}, {'quizid': '22'}, 41, None)
    """
    try:
        return read_serialized(text) if text == "N;" or text[1:2] == ":" else orjson.loads(text)
    except ValueError:
        return None


# --- CSV ------------------------------------------------------------------------------------------------

_ROW = re.compile(rb'"?\d+"?([,;\t])"?(\\*)\w')
_HEADER = re.compile(rb'"?id"?([,;\t])"?eventname\b')


def is_csv(line: bytes) -> bool:
    """Tells whether a line is a row of a CSV file, or its header."""
    return _ROW.match(line) is not None or _HEADER.match(line) is not None


def read_csv_line(line: bytes) -> dict[str, Any]:
    r"""Reads a row of a CSV file: separated by commas, semicolons or tabs, with quotes or backslashes before them.

    A client that writes ``\N`` for null writes backslashes before special characters; others double quotes, and leave
    null empty or write ``NULL``. Raises UnreadableEventError for another number of columns, and for a header in
    another order; BlankLineError for the header.
    """
    if header := _HEADER.match(line):
        if _cells(line, header[1].decode()) != list(COLUMNS):
            raise UnreadableEventError("the columns of the CSV file are not in the order of the table")
        raise BlankLineError
    match = _ROW.match(line)
    assert match is not None
    has_escapes = len(match[2]) == 2
    cells = _cells(line, match[1].decode(), has_escapes)
    if len(cells) != len(COLUMNS):
        raise UnreadableEventError("a line of CSV has another number of columns than the table")
    nothing = ("", "NULL", "N" if has_escapes else r"\N")
    return {column: None if cell in nothing else cell for column, cell in zip(COLUMNS, cells, strict=True)}


def _cells(line: bytes, delimiter: str, has_escapes: bool = False) -> list[str]:
    escape = "\\" if has_escapes else None
    try:
        return next(csv.reader([line.decode().rstrip("\r\n")], delimiter=delimiter, escapechar=escape, strict=True))
    except (UnicodeDecodeError, csv.Error):
        raise UnreadableEventError("not a line of CSV") from None
