"""Looks up in Moodle's tables what rows of the log do not have: marks, what they are about, and some learners.

The columns are those that an export may join (docs/moodle.md). A few queries are made for each batch of rows.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from sqlalchemy import Connection, TextClause, bindparam, text
from sqlalchemy.exc import DBAPIError

from ..column_kinds import whole
from ..rows import read_facts, read_name
from .log_connection import MISSING_TABLE, code_of

log = logging.getLogger("learnrelay.moodle")

Row = dict[str, Any]
_NO_ROW = -1


@dataclass(frozen=True, slots=True)
class Lookup:
    """Declares a query. ``events``: whose rows need it. ``key``: a column, or a key of ``other``.

    ``query``: begins with the key, and names the other columns as rows get them; ``{name}`` is a table.
    """

    events: frozenset[str]
    key: str
    query: str


def _lookup(events: Iterable[str], key: str, query: str) -> Lookup:
    return Lookup(frozenset(events), key, query)


LOOKUPS = (
    _lookup(
        [r"\core\event\course_module_completion_updated"],
        "contextinstanceid",
        "SELECT cm.id, m.name AS module FROM {course_modules} cm JOIN {modules} m ON m.id = cm.module"
        " WHERE cm.id IN :keys",
    ),
    _lookup(
        [r"\core\event\user_graded"],
        "other.itemid",
        "SELECT gi.id, gi.itemtype AS grade_itemtype, gi.itemmodule AS grade_itemmodule, cm.id AS grade_cmid,"
        " gi.grademin AS grade_min, gi.grademax AS grade_max, gi.gradepass AS grade_pass"
        " FROM {grade_items} gi LEFT JOIN {modules} m ON m.name = gi.itemmodule"
        " LEFT JOIN {course_modules} cm ON cm.module = m.id AND cm.instance = gi.iteminstance WHERE gi.id IN :keys",
    ),
    _lookup(
        [
            r"\mod_quiz\event\attempt_graded",
            r"\mod_quiz\event\attempt_manual_grading_completed",
            r"\mod_quiz\event\attempt_regraded",
        ],
        "objectid",
        "SELECT qa.id, CASE WHEN q.sumgrades > 0 THEN qa.sumgrades / q.sumgrades * q.grade END AS grade,"
        " 0 AS grade_min, q.grade AS grade_max, gi.gradepass AS grade_pass"
        " FROM {quiz_attempts} qa JOIN {quiz} q ON q.id = qa.quiz LEFT JOIN {grade_items} gi ON gi.itemtype = 'mod'"
        " AND gi.itemmodule = 'quiz' AND gi.iteminstance = q.id AND gi.itemnumber = 0 WHERE qa.id IN :keys",
    ),
    _lookup(
        [r"\mod_quiz\event\question_manually_graded"],
        "other.attemptid",
        "SELECT id, userid AS relateduserid FROM {quiz_attempts} WHERE id IN :keys",
    ),
    _lookup(
        [r"\mod_assign\event\submission_graded"],
        "objectid",
        "SELECT ag.id, CASE WHEN ag.grade >= 0 THEN ag.grade END AS grade,"  # -1 is no mark
        " gi.grademin AS grade_min, gi.grademax AS grade_max, gi.gradepass AS grade_pass"
        " FROM {assign_grades} ag LEFT JOIN {grade_items} gi ON gi.itemtype = 'mod' AND gi.itemmodule = 'assign'"
        " AND gi.iteminstance = ag.assignment AND gi.itemnumber = 0 WHERE ag.id IN :keys",
    ),
    _lookup(
        [r"\core\event\competency_user_competency_rated"],
        "objectid",
        "SELECT id, competencyid FROM {competency_usercomp} WHERE id IN :keys",
    ),
)


class Lookups:
    """Adds to rows what is looked up. ``table_of``: name of a table without prefix → as the database has it."""

    def __init__(self, connection: Connection, table_of: Callable[[str], str]) -> None:
        """Tries each query: the tables of a module that was uninstalled are not there. Raises DBAPIError."""
        self._connection = connection
        self._queries: list[tuple[Lookup, TextClause]] = []
        for lookup in LOOKUPS:
            query = text(lookup.query.format_map(_Tables(table_of))).bindparams(bindparam("keys", expanding=True))
            try:
                connection.execute(query, {"keys": [_NO_ROW]})
            except DBAPIError as error:
                if code_of(error) not in MISSING_TABLE:
                    raise
                names = ", ".join(sorted(lookup.events))
                log.warning("a table that is looked up for %s is not there: their rows stay as they are", names)
            else:
                self._queries.append((lookup, query))

    def add_to(self, rows: Sequence[Row]) -> None:
        """Adds columns to the rows that need them; a row whose key is not found stays as it is. Raises DBAPIError."""
        by_name: dict[str, list[Row]] = {}
        for row in rows:
            by_name.setdefault(read_name(row["eventname"]), []).append(row)
        for lookup, query in self._queries:
            of_lookup = [row for name in lookup.events & by_name.keys() for row in by_name[name]]
            keys = [_key_of(row, lookup.key) for row in of_lookup]
            if wanted := {key for key in keys if key is not None}:
                columns_of = self._find(query, sorted(wanted))
                for row, key in zip(of_lookup, keys, strict=True):
                    row.update(columns_of.get(key, {}))

    def _find(self, query: TextClause, keys: Sequence[int]) -> Mapping[int | None, Row]:
        result = self._connection.execute(query, {"keys": keys})
        _, *columns = result.keys()
        return {key: dict(zip(columns, map(_plain, values), strict=True)) for key, *values in result}


class _Tables(dict[str, str]):
    """Gives the name of each table that a query asks for."""

    def __init__(self, table_of: Callable[[str], str]) -> None:
        super().__init__()
        self._table_of = table_of

    def __missing__(self, name: str) -> str:
        return self._table_of(name)


def _key_of(row: Row, key: str) -> int | None:
    column, _, inner = key.partition(".")
    value = row[column]
    if inner:
        facts = read_facts(value) if type(value) is str else None
        value = facts.get(inner) if type(facts) is dict else None
    return whole(value)


def _plain(value: Any) -> Any:
    """Returns a number as the gradebook rounds it: a quotient has more digits than a mark."""
    return round(float(value), 5) if isinstance(value, Decimal) else value
