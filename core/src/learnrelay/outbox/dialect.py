"""Describes what databases do differently: connections, a few words of SQL, and what their errors mean.

Statements everywhere else are plain SQL that SQLite and PostgreSQL both understand, with ``:name`` parameters.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar, NamedTuple, Protocol

from sqlalchemy import URL

from .time_limits import remaining_time


class Cursor(Protocol):
    """Describes the part of all drivers' cursors that is used."""

    @property
    def rowcount(self) -> int:
        """Returns the number of rows that the last statement changed."""

    def execute(self, sql: str, parameters: Any = ..., /) -> Any:
        """Runs one statement."""

    def executemany(self, sql: str, parameters: Any, /) -> Any:
        """Runs one statement for each set of parameters."""

    def fetchone(self) -> Any:
        """Returns the next row, or None."""

    def fetchall(self) -> Any:
        """Returns all rows that are left."""


class Failure(NamedTuple):
    """Says what an error of a database means.

    ``transient``: a second try may cure it. ``deadlock``: the database undid the transaction for the sake of another
    one, so that it can be run again at once. ``unreachable``: other connections may be as dead.
    """

    reason: str
    transient: bool = False
    deadlock: bool = False
    unreachable: bool = False


class Dialect(ABC):
    """Opens connections to a kind of database and translates SQL for it. Threads may share it.

    ``lock_timeout``: seconds to wait for a lock of another process.
    """

    label: ClassVar[str]
    """What messages call it."""
    has_server: ClassVar[bool] = True
    """Whether hosts share it, with a clock and backup tools of its own, or it is a file."""
    backup_tool: ClassVar[str] = ""

    lock: ClassVar[str] = "FOR UPDATE"
    """Locks the rows of a query until the transaction ends. Empty where a transaction that writes is alone."""
    skip_locked: ClassVar[str] = "FOR UPDATE SKIP LOCKED"
    """Locks the rows of a query, and leaves out those that another transaction has locked."""
    in_keys: ClassVar[str] = ""
    """Compares with the parameter ``:keys``, a list."""
    one_writer: ClassVar[str] = ""
    """Query that makes transactions take turns until they end, beyond what locks of rows do."""
    one_migration: ClassVar[str] = ""
    """Query that makes migrations take turns; answers 1."""
    find_schema: ClassVar[str] = ""
    """Query for the name of the table ``learnrelay_schema``: no row, or an empty one, where there is none."""
    find_risks: ClassVar[str] = ""
    """Query for settings of the server by which a power cut may undo a commit; a row, in words, for each."""
    read_clock: ClassVar[str] = ""
    """Query for the server's time in seconds since 1970."""

    table_options: ClassVar[str] = ""
    """What follows the columns of a new table."""
    first_version: ClassVar[int] = 0
    """Version of the schema that ``tables`` make; migrations begin after it."""
    tables: ClassVar[tuple[str, ...]] = ()

    def __init__(self, url: URL, lock_timeout: float) -> None:
        dialect = url.get_dialect()
        self.for_pool = dialect(dbapi=dialect.import_dbapi())  # type: ignore[call-arg]
        self.driver_error: type[Exception] = self.for_pool.loaded_dbapi.Error
        arguments, self.options = self.for_pool.create_connect_args(url)
        self.arguments: list[Any] = [*arguments]
        self.lock_timeout = lock_timeout

    @staticmethod
    @abstractmethod
    def translate(sql: str) -> str:
        """Returns a statement as the driver takes it."""

    @staticmethod
    def in_query(query: str) -> str:
        """Returns the comparison with the few keys that a query gives, so that these are read first."""
        return f"IN ({query})"

    @staticmethod
    @abstractmethod
    def text_before(column: str, mark: str) -> str:
        """Returns the SQL of what stands before the first ``mark`` in a column of text; of all of it without one."""

    @abstractmethod
    def connect(self) -> Any:
        """Opens a connection. Raises an error of the driver."""

    def is_usable(self, connection: Any) -> bool:
        """Tells whether a connection of the pool is still open, as far as that is known without a request."""
        return True

    @abstractmethod
    def begin(self, cursor: Cursor, info: dict[Any, Any], *, write: bool, durable: bool, limit: float) -> None:
        """Begins a transaction that may take ``limit`` seconds; ``info`` belongs to the connection."""

    def change_later(self, cursor: Cursor, sql: str, parameters: dict[str, Any]) -> None:
        """Runs a statement, at the latest with the next one or the commit: to save a round trip."""
        cursor.execute(sql, parameters)

    def commit(self, connection: Any, cursor: Cursor) -> None:
        """Commits the transaction."""
        connection.commit()

    @abstractmethod
    def describe(self, error: BaseException) -> Failure:
        """Returns what an error means; the reason may be empty."""

    def was_done(self, error: BaseException) -> bool:
        """Tells whether a step of a migration fails because an earlier try has done it, and could not be undone."""
        return False

    @abstractmethod
    def erase_free_space(self, connection: Any, name: str) -> str:
        """Makes what was deleted unreadable, as far as possible. Returns what remains, in words."""


def find_reason(reasons: Mapping[str, str], code: str) -> str:
    """Returns the reason of the first code in ``reasons`` that ``code`` begins with, or an empty text."""
    return next((reason for beginning, reason in reasons.items() if code.startswith(beginning)), "")


def round_wait(seconds: float) -> float:
    """Returns the seconds that a call may wait, in steps, so that a connection's setting is rarely changed."""
    return math.ceil(min(seconds, remaining_time()) / _WAIT_STEP) * _WAIT_STEP


_WAIT_STEP = 0.1
