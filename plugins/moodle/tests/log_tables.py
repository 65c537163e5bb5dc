"""Tables of a Moodle in MariaDB and PostgreSQL: as much of them as the input reads."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Engine, NullPool, create_engine, text

from learnrelay_moodle.log_table.log_input import LogTableInput, LogTableSettings
from learnrelay_moodle.rows import COLUMNS
from services import mysql_database, postgres_schema

SERVERS = {"mariadb": mysql_database, "postgresql": postgres_schema}

_SERIAL = {"mariadb": "BIGINT AUTO_INCREMENT", "postgresql": "BIGSERIAL"}
_TEXTS = ("eventname", "component", "action", "target", "objecttable", "crud", "other", "origin", "ip")
_TABLES = {
    "course_modules": "id BIGINT PRIMARY KEY, module BIGINT, instance BIGINT",
    "modules": "id BIGINT PRIMARY KEY, name VARCHAR(20)",
    "grade_items": "id BIGINT PRIMARY KEY, itemtype VARCHAR(30), itemmodule VARCHAR(30), iteminstance BIGINT,"
    " itemnumber BIGINT, grademin DECIMAL(10, 5), grademax DECIMAL(10, 5), gradepass DECIMAL(10, 5)",
    "quiz": "id BIGINT PRIMARY KEY, sumgrades DECIMAL(10, 5), grade DECIMAL(10, 5)",
    "quiz_attempts": "id BIGINT PRIMARY KEY, quiz BIGINT, userid BIGINT, sumgrades DECIMAL(10, 5)",
    "assign_grades": "id BIGINT PRIMARY KEY, assignment BIGINT, grade DECIMAL(10, 5)",
    "competency_usercomp": "id BIGINT PRIMARY KEY, competencyid BIGINT",
}
_RECORDS = {
    "modules": [(16, "quiz"), (1, "assign")],
    "course_modules": [(516, 16, 22), (503, 1, 7)],
    "grade_items": [
        (77, "mod", "quiz", 22, 0, 0, 20, 10), (78, "mod", "assign", 7, 0, 0, 100, 50),
        (79, "course", None, 7, None, 0, 100, 0),
    ],
    "quiz": [(22, 3, 20)],
    "quiz_attempts": [(902, 22, 31, 2)],
    "assign_grades": [(41, 7, 85), (42, 7, -1)],
    "competency_usercomp": [(61, 45)],
}  # fmt: skip


class MoodleDatabase:
    """Writes rows into the log of a site of its own."""

    def __init__(self, server: str, url: str) -> None:
        self.url = url
        self._restart = " RESTART IDENTITY" if server == "postgresql" else ""
        self.engine: Engine = create_engine(url, poolclass=NullPool)
        columns = [f"id {_SERIAL[server]} PRIMARY KEY"]
        columns += [f"{name} {'TEXT' if name in _TEXTS else 'BIGINT'}" for name in COLUMNS[1:]]
        with self.engine.begin() as connection:
            connection.execute(text(f"CREATE TABLE mdl_logstore_standard_log ({', '.join(columns)})"))
            for name, declared in _TABLES.items():
                connection.execute(text(f"CREATE TABLE mdl_{name} ({declared})"))
            for name, records in _RECORDS.items():
                for record in records:
                    values = {f"v{number}": value for number, value in enumerate(record)}
                    marks = ", ".join(f":{key}" for key in values)
                    connection.execute(text(f"INSERT INTO mdl_{name} VALUES ({marks})"), values)

    def add(self, *rows: dict[str, Any]) -> None:
        """Writes rows, which get ids where they have none, and commits them."""
        with self.engine.begin() as connection:
            for row in rows:
                connection.execute(insert_of(row), row)

    def empty_log(self) -> None:
        """Removes all rows, and begins again with the id 1."""
        with self.engine.begin() as connection:
            connection.execute(text(f"TRUNCATE TABLE mdl_logstore_standard_log{self._restart}"))

    @contextmanager
    def without(self, name: str) -> Iterator[None]:
        """Has a table not be there in the block."""
        with self.engine.begin() as connection:
            connection.execute(text(f"ALTER TABLE mdl_{name} RENAME TO away"))
        yield
        with self.engine.begin() as connection:
            connection.execute(text(f"ALTER TABLE away RENAME TO mdl_{name}"))

    def input(self, **settings: Any) -> LogTableInput:
        """Makes the input, with a short settle time."""
        section = {"database": self.url, "settle": "150ms", **settings}
        return LogTableInput(LogTableSettings().load(section), b"key")


def insert_of(row: dict[str, Any]) -> Any:
    """Returns the statement that writes a row."""
    marks = ", ".join(f":{name}" for name in row)
    return text(f"INSERT INTO mdl_logstore_standard_log ({', '.join(row)}) VALUES ({marks})")


def viewed(number: int, **columns: Any) -> dict[str, Any]:
    """Returns a row without an id: a quiz is opened. ``number``: told apart by it, at other seconds."""
    return {
        "eventname": r"\mod_quiz\event\course_module_viewed", "component": "mod_quiz", "action": "viewed",
        "target": "course_module", "objecttable": "quiz", "objectid": 22, "crud": "r", "edulevel": 2,
        "contextid": 1716, "contextlevel": 70, "contextinstanceid": 516, "userid": 31, "courseid": 7, "anonymous": 0,
        "other": "null", "timecreated": 1_772_445_600 + number, "origin": "web", "ip": "192.0.2.10", **columns,
    }  # fmt: skip


def read_all(made: LogTableInput, count: int, seconds: float = 10.0) -> list[dict[str, Any]]:
    """Reads rows until there are so many, or the time is over."""
    rows: list[dict[str, Any]] = []
    deadline = time.monotonic() + seconds
    while len(rows) < count and time.monotonic() < deadline:
        if (batch := made.read(0.01)) is not None:
            rows += [dict(row) for row in batch.events if not isinstance(row, (bytes, Exception))]
            assert list(batch.positions) == [row["id"] for row in rows[-len(batch.events) :]]
    return rows


@contextmanager
def moodle_database(server: str) -> Iterator[MoodleDatabase]:
    """Makes a database with the tables of a Moodle."""
    with SERVERS[server]() as url:
        database = MoodleDatabase(server, url)
        yield database
        database.engine.dispose()
