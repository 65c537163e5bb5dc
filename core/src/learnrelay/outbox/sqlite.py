"""Connects to an SQLite file, and overwrites in it what was deleted."""

from __future__ import annotations

import sqlite3
import time
from typing import Any

from .dialect import Cursor, Dialect, Failure, find_reason, round_wait
from .time_limits import CALL_LIMIT, remaining_time

_ERRORS = {
    "SQLITE_FULL": "the disk is full",
    "SQLITE_BUSY": "the database is locked",
    "SQLITE_LOCKED": "the database is locked",
    "SQLITE_READONLY": "the database is read-only",
    "SQLITE_PERM": "access to the database is denied",
    "SQLITE_CANTOPEN": "the database file cannot be opened",
    "SQLITE_IOERR_SHMSIZE": "the disk is full",  # no room for the file -shm beside it
    "SQLITE_IOERR": "the disk fails (I/O error)",
    "SQLITE_CORRUPT": "the database file is damaged",
    "SQLITE_NOTADB": "the file is not an SQLite database",
    "SQLITE_ERROR": "the outbox's tables are not there; was the file replaced?",
}

_DURABLE = "PRAGMA synchronous = FULL"  # a commit survives a power cut
_FAST = "PRAGMA synchronous = NORMAL"  # a commit is on the disk soon, and never half of it
# Where SQLite is built to zero what it deletes, this costs most of an acknowledgement; do it where it is free.
_ERASE_WHERE_FREE = "PRAGMA secure_delete = FAST"

_LOCK_WAIT = "learnrelay_lock_wait"


class SqliteDialect(Dialect):
    """Opens connections to a file. A transaction that writes is alone, so nothing is locked."""

    label = "SQLite"
    has_server = False
    lock = skip_locked = ""
    table_options = "WITHOUT ROWID"
    find_schema = "SELECT name FROM sqlite_master WHERE name = 'learnrelay_schema'"

    @staticmethod
    def translate(sql: str) -> str:
        """Returns the statement as it is."""
        return sql

    @staticmethod
    def text_before(column: str, mark: str) -> str:
        """Returns it with SQLite's functions."""
        return f"SUBSTR({column}, 1, INSTR({column} || '{mark}', '{mark}') - 1)"

    def connect(self) -> sqlite3.Connection:
        """Opens the file. Raises sqlite3.Error."""
        file: sqlite3.Connection = sqlite3.connect(*self.arguments, **{"timeout": self.lock_timeout, **self.options})
        file.isolation_level = None  # transactions are begun here, not by the driver
        _set_wal_mode(file, min(CALL_LIMIT, remaining_time()))
        file.execute(_ERASE_WHERE_FREE)
        return file

    def begin(self, cursor: Cursor, info: dict[Any, Any], *, write: bool, durable: bool, limit: float) -> None:
        """Begins a transaction; each text of a statement has a place in the connection's cache of statements.

        A migration waits for the lock as long as another process may need for the same one.
        """
        wait = round_wait(CALL_LIMIT if limit > CALL_LIMIT else self.lock_timeout)
        if info.get(_LOCK_WAIT) != wait:
            cursor.execute(f"PRAGMA busy_timeout = {int(wait * 1000)}")
            info[_LOCK_WAIT] = wait
        cursor.execute(_DURABLE if durable else _FAST)
        cursor.execute("BEGIN IMMEDIATE" if write else "BEGIN")

    def describe(self, error: BaseException) -> Failure:
        """Returns the reason by SQLite's name of the error."""
        code = getattr(error, "sqlite_errorname", "")
        reason = find_reason(_ERRORS, code)
        return Failure(f"{reason} ({code})" if reason else code)

    def erase_free_space(self, connection: Any, name: str) -> str:
        """Overwrites free pages and empties the write-ahead log, while others work. Raises sqlite3.Error."""
        _overwrite_free_pages(connection)
        return "" if _empty_wal(connection, self.lock_timeout) else _LEFT_IN_WAL.format(name)


def _set_wal_mode(connection: sqlite3.Connection, timeout: float) -> None:
    """Sets the journal mode of a connection.

    While another process sets it too, SQLite refuses at once, whatever the connection's timeout: this waits ``timeout``
    seconds. Raises sqlite3.Error.
    """
    deadline = time.monotonic() + timeout
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                raise
        time.sleep(0.01)


# --- deleted content --------------------------------------------------------------------------------------

_PAGES_AT_ONCE = 1_000  # 4 MB: others wait for the lock as long as these are written
_LEFT_IN_WAL = "another process reads {0} all the time: what was removed can still be read in {0}-wal; run it again"


def _overwrite_free_pages(connection: Any) -> None:
    """Fills the free pages of an SQLite file with zeros, in short transactions. Raises sqlite3.Error.

    VACUUM would lock a large file for longer than emit() waits. What is deleted inside of pages that stay in use is
    zeroed already (``secure_delete``).
    """
    cursor = connection.cursor()
    cursor.execute("CREATE TABLE IF NOT EXISTS learnrelay_filler (key INTEGER PRIMARY KEY, zeros BLOB)")
    ((size,),) = cursor.execute("PRAGMA page_size").fetchall()
    while (free := cursor.execute("PRAGMA freelist_count").fetchone()[0]) > 0:
        length = min(free, _PAGES_AT_ONCE) * size
        cursor.execute("INSERT INTO learnrelay_filler (zeros) VALUES (zeroblob(?))", (length,))
    cursor.execute("PRAGMA secure_delete = ON")  # the last page of each filler is filled in part, and kept the rest
    for key in cursor.execute("SELECT key FROM learnrelay_filler").fetchall():
        cursor.execute("DELETE FROM learnrelay_filler WHERE key = ?", key)
    cursor.execute("DROP TABLE learnrelay_filler")
    cursor.execute(_ERASE_WHERE_FREE)


def _empty_wal(connection: Any, timeout: float) -> bool:
    """Writes the WAL into an SQLite file and empties it; False when readers prevent it for ``timeout`` seconds."""
    deadline = time.monotonic() + timeout
    while True:
        is_busy = bool(connection.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0])
        if not is_busy or time.monotonic() > deadline:
            return not is_busy
        time.sleep(0.05)
