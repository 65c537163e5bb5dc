"""Defines the input ``moodle``: new rows of the log, from Moodle's database."""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Callable, Mapping
from typing import Any

from marshmallow import ValidationError
from sqlalchemy import Connection, column, func, select, table
from sqlalchemy.exc import DBAPIError

from learnrelay import Input, InputBatch, hookimpl
from learnrelay.config.fields import Duration, OneOf, Section, Text, described
from learnrelay.inputs import Position, ProbeResult

from ..rows import COLUMNS
from .log_connection import DatabaseAddress, connect, describe
from .lookups import Lookups
from .settled_ids import SettledIds, count_without_gap

log = logging.getLogger("learnrelay.moodle")

_MOST_ROWS = 1000  # each read asks some ten tables more
_LOG = "logstore_standard_log"
_READ = tuple(name for name in COLUMNS if name != "ip")
"""Columns that are read. Addresses of people are needed by nothing."""


class Prefix(Text):
    """Accepts the prefix of the names of Moodle's tables."""

    def _deserialize(self, value: Any, attr: Any, data: Any, **kwargs: Any) -> Any:
        prefix = value if value == "" else super()._deserialize(value, attr, data, **kwargs)
        if not re.fullmatch(r"[A-Za-z0-9_]{0,30}", prefix):
            raise ValidationError('expected $CFG->prefix of config.php, such as "mdl_"')
        return prefix


class LogTableSettings(Section):
    """Validates the keys of an input ``moodle``."""

    database = DatabaseAddress(
        required=True,
        metadata=described(
            "address of Moodle's database, which may hold a password: MariaDB, MySQL or PostgreSQL",
            '"env:MOODLE_DATABASE"',
        ),
    )
    prefix = Prefix(
        load_default="mdl_",
        metadata=described("prefix of the tables' names, `$CFG->prefix` in config.php", '"moodle_"'),
    )
    settle = Duration(
        load_default=60.0,
        metadata=described(
            "how long the log waits for rows that are written late, before it reads beyond them", '"5m"'
        ),
    )
    begin = OneOf(
        ["start", "end"],
        load_default="start",
        metadata=described("where to begin in a log that is there when it starts for the first time", '"end"'),
    )


class LogTableInput(Input):
    """Reads the rows of the log in the order of their ids. A position is the id of a row."""

    name = "moodle"
    settings_schema = LogTableSettings

    def __init__(self, settings: Mapping[str, Any], key: bytes) -> None:
        super().__init__(settings, key)
        self._connection: Connection | None = None
        self._lookups: Lookups
        self._last = 0
        self._ids = SettledIds(settings["settle"])
        self._log = table(self._table_of(_LOG), *map(column, _READ))

    def open(self, position: Position | None) -> None:
        """Connects, and tries what will be read. Raises OSError."""
        self._ids = SettledIds(self.settings["settle"])
        self.is_holding_back = False
        try:
            self._connection = connect(self.settings["database"])
            self._look()
            self._lookups = Lookups(self._connection, self._table_of)
        except DBAPIError as error:
            raise _unanswered(error) from None
        begins_at_end = position is None and self.settings["begin"] == "end"
        self._last = self._ids.largest if begins_at_end else position or 0
        if 0 < self._ids.largest < self._last:
            log.warning(
                "the log ends at id %d, before %d, which was read last: was the table restored? Rows up to there are"
                " not read",
                self._ids.largest,
                self._last,
            )

    def read(self, timeout: float) -> InputBatch | None:
        """Returns the next rows that no other can precede any more. Raises OSError."""
        try:
            if self._ids.is_look_due(time.monotonic()):
                self._look()
            rows = self._read_rows()
            self._lookups.add_to(rows)
        except DBAPIError as error:
            raise _unanswered(error) from None
        if not rows:
            time.sleep(timeout)
            return None
        self._last = rows[-1]["id"]
        return InputBatch(rows, [row["id"] for row in rows])

    def probe(self) -> ProbeResult:
        """Connects, and tries what will be read. Raises OSError."""
        try:
            self.open(None)
        finally:
            self.close()
        return ProbeResult(True, f"the log reaches id {self._ids.largest:,}")

    def close(self) -> None:
        """Disconnects."""
        if self._connection is not None:
            connection, self._connection = self._connection, None
            connection.invalidate()  # it may have been left in the middle of an answer
            connection.close()

    def lag(self) -> int:
        """Returns how many ids follow the last row that was read; to some of them there is no row."""
        return max(0, self._ids.largest - self._last)

    def _look(self) -> None:
        """Looks how far the table reaches."""
        now = time.monotonic()  # before the query: what it sees may be older than its end
        self._ids.note(self._query(select(func.max(self._log.c.id))).scalar() or 0, now)

    def _read_rows(self) -> list[dict[str, Any]]:
        settled = self._ids.settled(time.monotonic())
        if settled > self._last:
            if rows := self._rows_after(self._last, settled):
                self.is_holding_back = False
                return rows
            self._last = settled
        # While rows are held back, one of them tells whether the gap before them is closed.
        rows = self._rows_after(self._last, most=1 if self.is_holding_back else _MOST_ROWS)
        count = count_without_gap(self._last, [row["id"] for row in rows])
        self.is_holding_back = count < len(rows)
        return rows[:count]

    def _rows_after(self, last: int, until: int | None = None, most: int = _MOST_ROWS) -> list[dict[str, Any]]:
        row_id = self._log.c.id
        query = select(self._log).where(row_id > last).order_by(row_id).limit(most)
        result = self._query(query if until is None else query.where(row_id <= until))
        return [dict(zip(_READ, row, strict=True)) for row in result]

    def _query(self, query: Any) -> Any:
        assert self._connection is not None
        return self._connection.execute(query)

    def _table_of(self, name: str) -> str:
        return f"{self.settings['prefix']}{name}"


def _unanswered(error: DBAPIError) -> OSError:
    return ConnectionError(0, f"Moodle's database: {describe(error)}")


@hookimpl
def register_inputs(register: Callable[[type[Input]], None]) -> None:
    """Contributes the input."""
    register(LogTableInput)
