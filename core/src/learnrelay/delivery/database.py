"""The outbox's database: connections, transactions, and what went wrong in words.

SQLAlchemy gives URLs, drivers and the pool. Statements are plain SQL that SQLite and PostgreSQL both read,
with ``:name`` parameters, and run on the driver's cursor: an emit() is one short transaction in a web
request, and the layers between would cost more than the insert.
"""

from __future__ import annotations

import logging
import os
import re
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any, Protocol, cast

import sqlalchemy
from sqlalchemy import event, make_url
from sqlalchemy.exc import ArgumentError, NoSuchModuleError, SQLAlchemyError

from ..errors import OutboxError
from ..secrets import Secret

log = logging.getLogger("learnrelay.delivery")

Row = tuple[Any, ...]

_SQLITE_WORDS = {
    "FULL": "the disk is full",
    "BUSY": "the database is locked",
    "LOCKED": "the database is locked",
    "READONLY": "the database is read-only",
    "PERM": "access to the database is denied",
    "CANTOPEN": "the database file cannot be opened",
    "IOERR": "the disk fails (I/O error)",
    "CORRUPT": "the database file is damaged",
    "NOTADB": "the file is not an SQLite database",
    "ERROR": "the outbox's tables are not there; was the file replaced?",
}
_POSTGRES_WORDS = {
    "53100": "the disk is full",
    "53300": "the database has too many connections",
    "25006": "the database is read-only",
    "28": "the database refuses the credentials",
    "3D": "the database does not exist",
    "42501": "access to the database is denied",
    "42P01": "the outbox's tables are not there",
    "40": "the transaction was rolled back by the database",
    "55P03": "the database is locked",
    "57": "the database is shutting down",
    "08": "the connection to the database is lost",
}

# While a connection is made there is no code, only the server's text after FATAL; in another language than English
# what is said of it is less exact.
_REFUSALS = {
    r'database ".*" does not exist': "the database does not exist",
    r"password|role|pg_hba|authentication": "the database refuses the credentials",
    r"too many|connection slots": "the database has too many connections",
    r"starting up|shutting down|recovery": "the database is starting or shutting down",
}

_DURABLE = "PRAGMA synchronous = FULL"  # a commit is on the disk, also after a power cut
_FAST = "PRAGMA synchronous = NORMAL"  # it is on the disk soon, and never half

# A queue's tables are empty one hour and huge the next, and PostgreSQL's statistics and cached plans lag behind. All
# that is asked here is found by keys, in their order, so it plans for keys.
_PLAN_FOR_KEYS = [f"enable_{way}" for way in ("seqscan", "bitmapscan", "sort", "hashjoin", "mergejoin")] + ["jit"]


class PassingError(OutboxError):
    """A failure that a second try may well cure: a lost connection, a deadlock that the database resolved."""


class Cursor(Protocol):
    """What both drivers' cursors have in common, as far as it is used."""

    @property
    def rowcount(self) -> int:
        """Rows that the last statement changed."""

    def execute(self, sql: str, parameters: Any = ..., /) -> Any:
        """Run one statement."""

    def executemany(self, sql: str, parameters: Any, /) -> Any:
        """Run one statement for each set of parameters."""

    def fetchone(self) -> Any:
        """Next row, or None."""

    def fetchall(self) -> list[Any]:
        """All rows that are left."""


class Transaction:
    """One open transaction. ``execute`` gives the rows, ``change`` the number of rows changed."""

    __slots__ = ("_cursor", "postgres")

    def __init__(self, cursor: Cursor, postgres: bool) -> None:
        self._cursor = cursor
        self.postgres = postgres

    def _sql(self, sql: str) -> str:
        return _for_postgres(sql) if self.postgres else sql

    def execute(self, sql: str, **parameters: Any) -> list[Row]:
        """Rows of one query."""
        self._cursor.execute(self._sql(sql), parameters)
        return self._cursor.fetchall()

    def change(self, sql: str, **parameters: Any) -> int:
        """Number of rows that one statement inserted, changed or deleted."""
        self._cursor.execute(self._sql(sql), parameters)
        return self._cursor.rowcount

    def change_many(self, sql: str, parameters: list[dict[str, Any]]) -> int:
        """The same for many sets of parameters, summed."""
        if len(parameters) == 1:
            return self.change(sql, **parameters[0])
        self._cursor.executemany(self._sql(sql), parameters)
        return self._cursor.rowcount


@cache
def _for_postgres(sql: str) -> str:
    return re.sub(r"(?<!:):([a-z_]+)", r"%(\1)s", sql)


class Database:
    """A pool of connections to one SQLite file or PostgreSQL database. Safe to share between threads.

    ``patience``: seconds to wait for a lock of another process.
    Raises OutboxError wherever the database fails, with the cause in words and no value of a statement.
    """

    def __init__(self, url: Secret, patience: float) -> None:
        try:
            parsed = make_url(url.reveal())
            self.postgres = parsed.get_backend_name() == "postgresql"
            if not self.postgres and parsed.get_backend_name() != "sqlite":
                raise OutboxError(f"delivery.database: {parsed.get_backend_name()} is neither sqlite nor postgresql")
            name = parsed.database
            self._file = None if self.postgres else Path(name or ":memory:")
            if self._file is not None and (not name or name == ":memory:"):
                raise OutboxError("delivery.database: an outbox in memory would keep nothing, name a file")
            options: dict[str, Any] = {} if self.postgres else {"connect_args": {"timeout": patience}}
            self._engine = sqlalchemy.create_engine(
                parsed,
                hide_parameters=True,
                pool_size=16,
                max_overflow=-1,
                pool_use_lifo=True,
                pool_reset_on_return=None,
                **options,
            )
        except (ArgumentError, NoSuchModuleError, ImportError) as error:
            raise OutboxError(
                f"delivery.database ({url.source}): {type(error).__name__}: not a usable URL or driver"
            ) from None
        self.name = str(self._file) if self._file else "postgresql"
        self._patience = patience
        self._identity: tuple[int, int] | None = None
        event.listen(self._engine, "connect", self._configure)
        _open_databases.add(self)

    def create(self) -> None:
        """Create the file, if there is none, for its owner alone: it will hold what learners did."""
        if self._file is None:
            return
        try:
            self._file.parent.mkdir(parents=True, exist_ok=True)
            os.close(os.open(self._file, os.O_CREAT | os.O_RDWR, 0o600))
        except OSError as error:
            raise OutboxError(f"outbox {self.name}: {error.strerror or type(error).__name__}") from None
        if warning := self.exposure():
            log.warning("outbox %s: %s", self.name, warning)

    def exposure(self) -> str:
        """What is wrong with the file's permissions, in words, or nothing."""
        if self._file is None or not self._file.exists() or not self._file.stat().st_mode & 0o007:
            return ""
        return "every user of this machine may open the file, which holds what learners did: chmod o-rwx"

    def look(self) -> None:
        """See whether there can be an outbox. Creates nothing; a file that is not there yet is fine."""
        if self._file is None or self._file.exists():
            with self.transaction(write=False) as transaction:
                transaction.execute("SELECT 1" if self.postgres else "SELECT COUNT(*) FROM sqlite_master")

    def _configure(self, connection: Any, _record: object) -> None:
        if self.postgres:
            connection.execute(f"SET lock_timeout = {int(self._patience * 1000)}")
            for setting in _PLAN_FOR_KEYS:
                connection.execute(f"SET {setting} = off")
            connection.commit()
            return
        connection.isolation_level = None  # transactions are begun here, not by the driver
        connection.execute("PRAGMA journal_mode = WAL")
        # Where SQLite is built to zero what it deletes, this costs most of an acknowledgement; do it where it is free.
        connection.execute("PRAGMA secure_delete = FAST")

    def _check_file(self) -> None:
        """A deleted file would still take writes, and lose them all: notice it before."""
        if self._file is None:
            return
        try:
            stat = self._file.stat()
        except OSError as error:
            raise OutboxError(f"outbox {self.name}: the database file is gone ({error.strerror})") from None
        if (stat.st_dev, stat.st_ino) != self._identity:
            self._engine.dispose()
            self._identity = (stat.st_dev, stat.st_ino)

    @contextmanager
    def transaction(self, *, write: bool = True, durable: bool = True) -> Iterator[Transaction]:
        """All or nothing: committed at the end of the block, rolled back when it raises.

        Not ``durable``: a power cut may undo it (a claim, a mark, a pause), so nobody waits for the disk.
        """
        self._check_file()
        try:
            connection = self._engine.raw_connection()
        except (SQLAlchemyError, self._engine.dialect.loaded_dbapi.Error) as error:
            raise self._in_words(error) from None
        try:
            cursor = cast(Cursor, connection.cursor())
            if self.postgres:
                if not durable:
                    cursor.execute("SET LOCAL synchronous_commit = off")
            else:
                cursor.execute(_DURABLE if durable else _FAST)
                cursor.execute("BEGIN IMMEDIATE" if write else "BEGIN")
            yield Transaction(cursor, self.postgres)
            connection.commit()
        except self._engine.dialect.loaded_dbapi.Error as error:
            self._give_up(connection)
            raise self._in_words(error) from None
        except BaseException:
            self._give_up(connection)
            raise
        finally:
            connection.close()

    def _give_up(self, connection: Any) -> None:
        try:
            connection.rollback()
        except self._engine.dialect.loaded_dbapi.Error:
            connection.invalidate()

    def _in_words(self, error: BaseException) -> OutboxError:
        cause = getattr(error, "orig", None) or error
        words, passing = "", False
        if code := getattr(cause, "sqlite_errorname", ""):
            words = next((said for key, said in _SQLITE_WORDS.items() if code.startswith(f"SQLITE_{key}")), "")
            words = f"{words} ({code})" if words else code
        elif state := getattr(cause, "sqlstate", ""):
            words = next((said for key, said in _POSTGRES_WORDS.items() if state.startswith(key)), "")
            words = f"{words} ({state})" if words else f"error {state}"
            passing = state[:2] in ("08", "40", "57")
        elif self.postgres and (told := str(cause).partition("FATAL:")[2]):
            words = next((said for text, said in _REFUSALS.items() if re.search(text, told)), "the database refuses us")
            passing = "connections" in words or "starting" in words
        elif self.postgres and type(cause).__name__ in ("OperationalError", "InterfaceError"):
            words, passing = "the database server does not answer", True
        if passing and self.postgres:
            self._engine.dispose()  # other pooled connections may be as dead
        kind = PassingError if passing else OutboxError
        return kind(f"outbox {self.name}: {words or type(cause).__name__}")

    def close(self) -> None:
        """Close all connections."""
        self._engine.dispose()

    def forget_connections(self) -> None:
        """In a forked child: the connections are the parent's."""
        self._engine.dispose(close=False)


_open_databases: weakref.WeakSet[Database] = weakref.WeakSet()


def _after_fork() -> None:
    for database in list(_open_databases):
        database.forget_connections()


os.register_at_fork(after_in_child=_after_fork)
