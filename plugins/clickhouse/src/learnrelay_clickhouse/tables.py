"""Creates the tables, and finds those that materialized views fill from them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Protocol

from .settings import WIDE

WINDOW = 10_000
"""Batches that a table remembers, in each partition. A repeat that comes later is stored once more."""

_WINDOW_SETTING = "non_replicated_deduplication_window"

# Aspects makes it with these columns and this key. `event_id` alone would not do as key: it has to begin with the
# time for the dashboards, and a repeat has the same time.
_ASPECTS = """\
CREATE TABLE IF NOT EXISTS {table}
(
    event_id UUID,
    emission_time DateTime64(6),
    event String
)
ENGINE = ReplacingMergeTree
PRIMARY KEY (emission_time)
ORDER BY (emission_time, event_id)
SETTINGS non_replicated_deduplication_window = {window}"""

_COURSE = "http://adlnet.gov/expapi/activities/course"

_COURSE_OF_XAPI = f"""\
JSONExtractString(arrayFirst(
        activity -> JSONExtractString(activity, 'definition', 'type') = '{_COURSE}',
        arrayConcat(
            JSONExtractArrayRaw(event, 'context', 'contextActivities', 'parent'),
            JSONExtractArrayRaw(event, 'context', 'contextActivities', 'grouping'),
            [JSONExtractRaw(event, 'object')]
        )
    ), 'id')"""

# The values that are not sent are computed by the server, which has the statement anyway. Each reads xAPI first, then
# Caliper.
_WIDE = f"""\
CREATE TABLE IF NOT EXISTS {{table}}
(
    event_id UUID,
    emission_time DateTime64(6),
    event String CODEC(ZSTD),
    actor String DEFAULT multiIf(
        JSONHas(event, 'actor', 'account'), JSONExtractString(event, 'actor', 'account', 'name'),
        JSONHas(event, 'actor', 'mbox'), JSONExtractString(event, 'actor', 'mbox'),
        JSONHas(event, 'actor', 'mbox_sha1sum'), JSONExtractString(event, 'actor', 'mbox_sha1sum'),
        JSONHas(event, 'actor', 'id'), JSONExtractString(event, 'actor', 'id'),
        JSONExtractString(event, 'actor')
    ),
    verb LowCardinality(String) DEFAULT if(
        JSONHas(event, 'verb'), JSONExtractString(event, 'verb', 'id'), JSONExtractString(event, 'action')
    ),
    object String DEFAULT JSONExtractString(event, 'object', 'id'),
    object_type LowCardinality(String) DEFAULT if(
        JSONHas(event, 'object', 'definition'),
        JSONExtractString(event, 'object', 'definition', 'type'),
        JSONExtractString(event, 'object', 'type')
    ),
    course String DEFAULT if(JSONHas(event, 'group'), JSONExtractString(event, 'group', 'id'), {_COURSE_OF_XAPI}),
    success Nullable(Bool) DEFAULT JSONExtract(event, 'result', 'success', 'Nullable(Bool)'),
    score Nullable(Float64) DEFAULT JSONExtract(event, 'result', 'score', 'scaled', 'Nullable(Float64)'),
    response String DEFAULT JSONExtractString(event, 'result', 'response')
)
ENGINE = ReplacingMergeTree
PARTITION BY toYYYYMM(emission_time)
ORDER BY (emission_time, event_id)
SETTINGS non_replicated_deduplication_window = {{window}}"""


class Runs(Protocol):
    """Runs SQL: a `Connection`."""

    def query(self, sql: str, values: dict[str, Any]) -> list[tuple[Any, ...]]:
        """Returns the rows of a query."""


def list_statements(table: str, layout: str) -> list[str]:
    """Lists the SQL that makes database and table where they are missing."""
    form = _WIDE if layout == WIDE else _ASPECTS
    return [
        f"CREATE DATABASE IF NOT EXISTS {table.partition('.')[0]}",
        form.format(table=table, window=WINDOW),
    ]


def remember_batches(table: TableInfo) -> str:
    """Returns the SQL by which a table remembers batches, also one that others have made."""
    return f"ALTER TABLE {table.quoted} MODIFY SETTING {_WINDOW_SETTING} = {WINDOW}"


@dataclass(frozen=True, slots=True)
class TableInfo:
    """Describes a table of the server. ``columns``: name → type."""

    database: str
    name: str
    engine: str
    create_query: str
    columns: dict[str, str]

    @property
    def quoted(self) -> str:
        """Returns the name for SQL."""
        return f"{_quote(self.database)}.{_quote(self.name)}"

    @property
    def remembers_batches(self) -> bool:
        """Tells whether a batch that comes again is known: always, in replicated tables."""
        return (
            self.is_replicated
            or re.search(r"\bnon_replicated_deduplication_window = [1-9]", self.create_query) is not None
        )

    @property
    def is_replicated(self) -> bool:
        """Tells whether the table is replicated."""
        return self.engine.startswith(("Replicated", "Shared"))

    @property
    def is_merge_tree(self) -> bool:
        """Tells whether the table is one that can remember batches."""
        return self.engine.endswith("MergeTree")


def _quote(name: str) -> str:
    return "`" + name.replace("\\", "\\\\").replace("`", "\\`") + "`"


def read_table(runs: Runs, database: str, name: str) -> TableInfo | None:
    """Reads what the server knows of a table; None if there is none, or none that the user may see."""
    values = {"database": database, "name": name}
    for engine, create_query in runs.query(
        "SELECT engine, create_table_query FROM system.tables "
        "WHERE database = {database:String} AND name = {name:String}",
        values,
    ):
        columns = runs.query(
            "SELECT name, type FROM system.columns WHERE database = {database:String} AND table = {name:String}", values
        )
        return TableInfo(database, name, engine, create_query, dict(columns))
    return None


def find_derived_tables(runs: Runs, table: TableInfo) -> Iterator[TableInfo]:
    """Yields the tables that materialized views fill from a table, and those that are filled from these."""
    seen, waiting = {(table.database, table.name)}, [table]
    while waiting:
        source = waiting.pop()
        for database, view in _read_dependencies(runs, source):
            for target in _read_targets(runs, database, view):
                info = read_table(runs, *target)
                if info is None or target in seen:
                    continue
                seen.add(target)
                waiting.append(info)
                if info.is_merge_tree:
                    yield info


def _read_dependencies(runs: Runs, table: TableInfo) -> list[tuple[Any, ...]]:
    return runs.query(
        "SELECT database, name FROM (SELECT arrayJoin(arrayZip(dependencies_database, dependencies_table)) AS view, "
        "view.1 AS database, view.2 AS name FROM system.tables "
        "WHERE system.tables.database = {database:String} AND system.tables.name = {name:String})",
        {"database": table.database, "name": table.name},
    )


def _read_targets(runs: Runs, database: str, view: str) -> Iterator[tuple[str, str]]:
    """Yields the table that a materialized view fills: the one after TO, or its own hidden one; and the view itself.

    The view is among them because views on views depend on its name.
    """
    for create_query, uuid in runs.query(
        "SELECT create_table_query, toString(uuid) FROM system.tables "
        "WHERE database = {database:String} AND name = {name:String}",
        {"database": database, "name": view},
    ):
        yield database, view
        if (target := parse_target(create_query, database)) is not None:
            yield target
        else:
            yield database, f".inner_id.{uuid}"
            yield database, f".inner.{view}"


def parse_target(create_query: str, database: str) -> tuple[str, str] | None:
    """Reads database and table after ``TO`` in the server's own form of CREATE MATERIALIZED VIEW; None without."""
    words = list(_split_names(create_query.partition("(")[0]))
    if "TO" not in words:
        return None
    name = words[words.index("TO") + 1 :]
    return (name[0], name[2]) if name[1:2] == ["."] else (database, name[0])


def _split_names(text: str) -> Iterator[str]:
    """Yields words, points, and names without their backquotes."""
    word, quoted = "", False
    characters = iter(text)
    for character in characters:
        if quoted and character == "\\":
            word += next(characters, "")
        elif character == "`":
            quoted = not quoted
        elif quoted or not (character.isspace() or character == "."):
            word += character
        else:
            if word:
                yield word
            word = ""
            if character == ".":
                yield "."
    if word:
        yield word
