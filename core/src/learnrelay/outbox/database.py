"""Opens connections and transactions, and turns database errors into messages that name the cause.

SQLAlchemy gives URLs, drivers and the pool, but not its engine: while that asks a server for its version, on the first
connection, all other threads wait. Statements are plain SQL, translated for some databases (`dialect`), and run on the
driver's cursor: an emit() is one short transaction in a web request, and the layers between would cost more than the
insert.

No call waits without a bound: `CALL_LIMIT`, or less under `time_limits.time_limit`.
"""

from __future__ import annotations

import contextlib
import logging
import os
import shutil
import sqlite3
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from pathlib import Path
from typing import Any, ParamSpec, Self, TypeVar, cast

from sqlalchemy import make_url
from sqlalchemy.exc import ArgumentError, NoSuchModuleError, SQLAlchemyError
from sqlalchemy.pool import PoolProxiedConnection, QueuePool

from .. import forks
from ..config.secrets import Secret
from ..errors import OutboxError
from .dialect import Cursor, Dialect
from .sqlite import SqliteDialect
from .time_limits import CALL_LIMIT, remaining_time, time_limit

log = logging.getLogger("learnrelay.delivery")

_P = ParamSpec("_P")
_T = TypeVar("_T")

Row = tuple[Any, ...]

PROBE_SIZE = 1_000_000


class TransientError(OutboxError):
    """Reports a failure that a second try may cure: a lost connection, a deadlock that the database resolved."""


class DeadlockError(TransientError):
    """Reports that the database rolled the transaction back for the sake of another one: it can be run again now."""


_DEADLOCKS = 5  # times in a row that a transaction is the victim


def retry_deadlocks(method: Callable[_P, _T]) -> Callable[_P, _T]:
    """Runs a function that is one transaction again, at once, where the database undid it for the sake of another."""

    @wraps(method)
    def run(*arguments: _P.args, **options: _P.kwargs) -> _T:
        for _ in range(_DEADLOCKS - 1):
            with contextlib.suppress(DeadlockError):
                return method(*arguments, **options)
        return method(*arguments, **options)

    return run


class _UndoneError(Exception):
    """Rolls a transaction back."""


class Transaction:
    """Runs statements in an open transaction: ``execute`` returns rows, ``change`` the number of rows changed."""

    __slots__ = ("_cursor", "dialect")

    def __init__(self, cursor: Cursor, dialect: Dialect) -> None:
        self._cursor = cursor
        self.dialect = dialect

    def _sql(self, sql: str) -> str:
        return self.dialect.translate(sql)

    def execute(self, sql: str, **parameters: Any) -> list[Row]:
        """Runs one query and returns its rows."""
        self._cursor.execute(self._sql(sql), parameters)
        return [*self._cursor.fetchall()]

    def change(self, sql: str, **parameters: Any) -> int:
        """Runs one statement and returns the number of rows that it inserted, changed or deleted."""
        self._cursor.execute(self._sql(sql), parameters)
        return self._cursor.rowcount

    def change_later(self, sql: str, **parameters: Any) -> None:
        """Runs one statement, at the latest with the next one or the commit."""
        self.dialect.change_later(self._cursor, self._sql(sql), parameters)

    def change_many(self, sql: str, parameters: list[dict[str, Any]]) -> int:
        """Runs one statement with many sets of parameters and returns the number of rows, summed."""
        if len(parameters) == 1:
            return self.change(sql, **parameters[0])
        self._cursor.executemany(self._sql(sql), parameters)
        return self._cursor.rowcount


class MigratingTransaction(Transaction):
    """Passes over the steps of a migration that an earlier try has done, where the database could not undo them."""

    __slots__ = ()

    @classmethod
    def of(cls, transaction: Transaction) -> Self:
        """Returns the same transaction."""
        return cls(transaction._cursor, transaction.dialect)

    def change(self, sql: str, **parameters: Any) -> int:
        """Runs one statement and returns the number of rows, 0 for a step that was done before."""
        try:
            return super().change(sql, **parameters)
        except self.dialect.driver_error as error:
            if not self.dialect.was_done(error):
                raise
            return 0


def _make_dialect(url: Secret, lock_timeout: float) -> Dialect:
    """Returns the dialect of the database at ``url``, whose driver is imported now. Raises OutboxError."""
    try:
        parsed = make_url(url.reveal())
        match parsed.get_backend_name():
            case "sqlite":
                return SqliteDialect(parsed, lock_timeout)
            case "postgresql":
                from .postgres import PostgresDialect

                return PostgresDialect(parsed, lock_timeout)
            case "mysql":
                from .mysql import MysqlDialect

                return MysqlDialect(parsed, lock_timeout)
            case other:
                raise OutboxError(f"delivery.database: {other} is none of sqlite, postgresql, mysql")
    except (ArgumentError, NoSuchModuleError, ImportError) as error:
        raise OutboxError(
            f"delivery.database ({url.source}): {type(error).__name__}: not a usable URL or driver"
        ) from None


class Database:
    """Pools connections to one SQLite file or database of a server. Safe to share between threads.

    ``lock_timeout``: seconds to wait for a lock of another process. ``prepare``: creates or migrates the tables, before
    the first transaction of a database that could not be reached when it was opened.
    Raises OutboxError wherever the database fails; the message names the cause and holds no value of a statement.
    """

    def __init__(self, url: Secret, lock_timeout: float) -> None:
        self.dialect = _make_dialect(url, lock_timeout)
        address = make_url(url.reveal())
        name = address.database
        port = "" if address.port is None else f":{address.port}"
        self._address = f"{address.host or 'localhost'}{port}/{name or ''}"
        self._file = None if self.dialect.has_server else Path(name or ":memory:")
        if self._file is not None and (not name or name == ":memory:"):
            raise OutboxError("delivery.database: an outbox in memory would keep nothing, name a file")
        self.name = str(self._file) if self._file else self.dialect.for_pool.name
        self.prepare: Callable[[], None] | None = None
        self._preparing = threading.Lock()
        self._identity: tuple[int, int] | None = None
        self._pool = QueuePool(
            self.dialect.connect,
            pool_size=16,
            max_overflow=-1,
            use_lifo=True,
            reset_on_return=None,
            dialect=self.dialect.for_pool,
        )
        # SQLite's connections must not be carried into a child, a server's would be shared with it.
        forks.register(self, Database._renew, prepare=Database.close)

    def create(self) -> None:
        """Creates the file, if there is none, with access for its owner alone: it will hold what learners did."""
        if self._file is None:
            return
        try:
            self._file.parent.mkdir(parents=True, exist_ok=True)
            # A file that exists is not opened: to close it again would drop the locks that SQLite holds on it in this
            # process, and the next process that closes the outbox would delete the WAL under our connections.
            os.close(os.open(self._file, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
        except FileExistsError:
            pass
        except OSError as error:
            raise OutboxError(f"outbox {self.name}: {error.strerror or type(error).__name__}") from None
        self.warn_of_permissions()

    def warn_of_permissions(self) -> None:
        """Logs a warning where others may open the file."""
        if warning := self.check_permissions():
            log.warning("outbox %s: %s", self.name, warning)

    @property
    def place(self) -> str:
        """Returns where the database is, without user and password: the file, or server and database."""
        return self.name if self._file else f"{self.name} {self._address}"

    def find_low_disk(self) -> str:
        """Says how little room the disk of the file has; empty where there is enough, and for a server's."""
        if self._file is None:
            return ""
        free = shutil.disk_usage(next(path for path in self._file.absolute().parents if path.exists())).free
        return f"the disk of {self.name} has less than 1 MB left" if free < PROBE_SIZE else ""

    @property
    def has_server(self) -> bool:
        """Tells whether the database is one of a server, or a file."""
        return self.dialect.has_server

    @property
    def exists(self) -> bool:
        """Tells whether there is anything to look at: a file may not be created yet, a server's database is."""
        return self._file is None or self._file.exists()

    def copy_to(self, target: Path) -> None:
        """Copies an SQLite database to a new file, with what is in its write-ahead log. Raises OutboxError, OSError."""
        os.close(os.open(target, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        try:
            with (
                contextlib.closing(self.dialect.connect()) as source,
                contextlib.closing(sqlite3.connect(target)) as copy,
            ):
                source.backup(copy)  # in one step: a write between two steps would make it begin again
                copy.execute("PRAGMA journal_mode = DELETE")  # one file
        except sqlite3.Error as error:
            target.unlink()
            raise self._translate_error(error) from None

    def check_permissions(self) -> str:
        """Checks the file's permissions; returns a warning, or an empty text."""
        if self._file is None or not self._file.exists() or not self._file.stat().st_mode & 0o007:
            return ""
        return "every user of this machine may open the file, which holds what learners did: chmod o-rwx"

    def check_durability(self) -> str:
        """Checks that a commit survives a power cut; returns a warning, or an empty text. Raises OutboxError."""
        if not self.dialect.find_risks:
            return ""
        with self.transaction(write=False) as transaction:
            risks = ", ".join(risk for (risk,) in transaction.execute(self.dialect.find_risks))
        return f"a power cut may undo what was stored: {risks}" if risks else ""

    def check_access(self) -> None:
        """Checks that the database can be read. Creates nothing; a file that does not exist yet is fine."""
        if self.exists:
            with self.transaction(write=False) as transaction:
                transaction.execute(self.dialect.find_schema)

    def check_writable(self) -> str:
        """Checks whether this user may write the file, or create it. Returns a warning, or an empty text."""
        if self._file is None:
            return ""
        folder = next(path for path in self._file.parents if path.exists())
        if not folder.is_dir():
            return f"the file cannot be created: {folder} is no folder"
        is_writable = os.access(folder, os.W_OK | os.X_OK) and (not self.exists or os.access(self._file, os.W_OK))
        return "" if is_writable else f"the user of this process may not write {self._file} or the folder {folder}"

    def check_room(self) -> None:
        """Checks that the database and its disk take `PROBE_SIZE` bytes, and takes them back. Raises OutboxError.

        A server is asked for one row: how full its disk is, is for its own monitoring to say.
        """
        with self._undone_transaction() as transaction:
            if self._file is None:
                transaction.change("INSERT INTO learnrelay_schema (version, applied) VALUES (-1, 0)")
            else:
                transaction.change("CREATE TABLE learnrelay_probe (content BLOB)")
                transaction.change("INSERT INTO learnrelay_probe VALUES (zeroblob(:size))", size=PROBE_SIZE)
        if self._file is not None:
            try:
                write_and_remove(self._file.parent, PROBE_SIZE)
            except OSError as error:
                raise OutboxError(f"outbox {self.name}: {error.strerror or type(error).__name__}") from None

    @contextmanager
    def _undone_transaction(self) -> Iterator[Transaction]:
        with contextlib.suppress(_UndoneError), self.transaction() as transaction:
            yield transaction
            raise _UndoneError

    def _check_file(self) -> None:
        """Notices that the file was deleted or replaced: the open one would still take writes, and lose them all."""
        if self._file is None:
            return
        try:
            stat = self._file.stat()
        except OSError as error:
            raise OutboxError(f"outbox {self.name}: the database file is gone ({error.strerror})") from None
        if (stat.st_dev, stat.st_ino) != self._identity:
            self._drop_connections()
            self._identity = (stat.st_dev, stat.st_ino)

    @contextmanager
    def transaction(
        self, *, write: bool = True, durable: bool = True, limit: float = CALL_LIMIT
    ) -> Iterator[Transaction]:
        """Opens a transaction that is committed at the end of the block, and rolled back when the block raises.

        Not ``durable``: a power cut may undo it (a claim, a settlement, a pause), so it does not wait for the disk.
        ``limit``: seconds for all calls of the block together.
        """
        if self.prepare is not None:
            self._run_prepare(limit)
        try:
            with time_limit(limit), forks.no_fork(), self._open_transaction(write, durable, limit) as transaction:
                yield transaction
        finally:
            if forks.awaits_fork():
                self.close()

    @contextmanager
    def _open_transaction(self, write: bool, durable: bool, limit: float) -> Iterator[Transaction]:
        self._check_file()
        connection = self._check_out()
        try:
            cursor = cast(Cursor, connection.cursor())
            self.dialect.begin(cursor, connection.info, write=write, durable=durable, limit=limit)
            yield Transaction(cursor, self.dialect)
            self.dialect.commit(connection, cursor)
        except self.dialect.driver_error as error:
            self._roll_back(connection)
            raise self._translate_error(error) from None
        except BaseException:
            self._roll_back(connection)
            raise
        finally:
            if limit > CALL_LIMIT and connection.is_valid:
                connection.invalidate()  # with what was set and locked for a migration
            else:
                connection.close()

    def _check_out(self) -> PoolProxiedConnection:
        try:
            while not self.dialect.is_usable((connection := self._pool.connect()).driver_connection):
                connection.invalidate()
        except (SQLAlchemyError, self.dialect.driver_error) as error:
            raise self._translate_error(error) from None
        return connection

    def _run_prepare(self, limit: float) -> None:
        """Runs ``prepare``, in one thread at a time; again with the next call where it fails."""
        if not self._preparing.acquire(timeout=min(limit, remaining_time())):
            raise OutboxError(f"outbox {self.name}: another thread is opening it")
        try:
            if (prepare := self.prepare) is not None:
                self.prepare = None  # its own calls come here
                try:
                    prepare()
                except BaseException:
                    self.prepare = prepare
                    raise
        finally:
            self._preparing.release()

    def _roll_back(self, connection: Any) -> None:
        try:
            connection.rollback()
        except self.dialect.driver_error:
            connection.invalidate()

    def _translate_error(self, error: BaseException) -> OutboxError:
        cause = getattr(error, "orig", None) or error
        failure = self.dialect.describe(cause)
        if failure.unreachable:
            self._drop_connections()
        kind = DeadlockError if failure.deadlock else TransientError if failure.transient else OutboxError
        return kind(f"outbox {self.name}: {failure.reason or type(cause).__name__}")

    def erase_free_space(self) -> str:
        """Makes what was deleted unreadable in the file, as far as that can be done while others work.

        Returns what remains, in words, or an empty text. Raises OutboxError.
        """
        self._check_file()
        connection = self._check_out()
        try:
            return self.dialect.erase_free_space(connection, self.name)
        except self.dialect.driver_error as error:
            raise self._translate_error(error) from None
        finally:
            connection.invalidate()  # it may be in another mode now

    def close(self) -> None:
        """Closes all connections."""
        self._drop_connections()

    def _drop_connections(self, *, close: bool = True) -> None:
        pool, self._pool = self._pool, self._pool.recreate()
        if close:
            pool.dispose()

    def _renew(self) -> None:
        """Drops the connections without closing them: they are the parent's."""
        self._preparing = threading.Lock()
        self._drop_connections(close=False)


def write_and_remove(folder: Path, size: int) -> None:
    """Writes ``size`` bytes to a temporary file in ``folder``. Raises OSError: no space, over the quota, read-only."""
    with tempfile.TemporaryFile(dir=folder) as file:
        file.write(bytes(size))
        file.flush()
        os.fsync(file.fileno())
