"""Connects to MariaDB and MySQL so that no call waits longer than `time_limits.time_limit` allows."""

from __future__ import annotations

import io
import math
import re
import select
import socket
import ssl
from collections.abc import Mapping
from functools import cache
from typing import Any, ClassVar, cast

import pymysql
from pymysql.connections import Connection
from pymysql.constants import CLIENT, CR, ER
from pymysql.cursors import Cursor as PlainCursor
from sqlalchemy import URL

from .dialect import Cursor, Dialect, Failure, round_wait
from .mysql_tables import FIRST_VERSION, OPTIONS, TABLES
from .time_limits import CALL_LIMIT, remaining_time

_OLDEST = {"MariaDB": (10, 6), "MySQL": (8, 0, 17)}
"""The first releases with SKIP LOCKED, and with a collation that keeps apart what differs in trailing blanks."""

_LOST = "the connection to the database is lost"
_LOCKED = "the database is locked"
_REFUSED = "the database refuses the credentials"
_DENIED = "access to the database is denied"
_FULL = "the disk is full"
_READ_ONLY = "the database is read-only"
_TOO_LONG = "the database took too long"
_ERRORS: Mapping[int, str] = {
    1045: _REFUSED,
    1698: _REFUSED,
    1130: "the server takes no connection from this host",
    1129: "the server takes no connection from this host after many errors",
    3159: "the server takes connections with TLS only",
    CR.CR_SSL_CONNECTION_ERROR: "TLS fails, or the server has none",
    1044: _DENIED,
    1142: _DENIED,
    1143: _DENIED,
    1227: _DENIED,
    1049: "the database does not exist",
    1146: "the outbox's tables are not there",
    1021: _FULL,
    1114: _FULL,
    1290: _READ_ONLY,
    1792: _READ_ONLY,
    1836: _READ_ONLY,
    1153: "a statement is larger than max_allowed_packet of the server",
    1406: "a name or an id is longer than its column",
    1665: "the server's binlog_format is STATEMENT; set it to MIXED or ROW",
    1969: _TOO_LONG,
    3024: _TOO_LONG,
    1317: _TOO_LONG,
}
_TRANSIENT_ERRORS: Mapping[int, str] = {
    1205: _LOCKED,
    3572: _LOCKED,
    1213: "the transaction was rolled back by the database",
    1020: "the transaction was rolled back by the database",
    1040: "the database has too many connections",
    1203: "the database has too many connections",
    1226: "the database has too many connections",
}
_UNREACHABLE: Mapping[int, str] = {
    1053: "the database is starting or shutting down",
    1077: "the database is starting or shutting down",
    1927: "the server ended the connection",
    4031: "the server ended the connection",
    1158: _LOST,
    1159: _LOST,
    1160: _LOST,
    1161: _LOST,
}
_DEADLOCKS = {1213, 1020}
_DONE = {1050, 1060, 1061, 1091}
"""The table, column or index is there already, or is no longer there."""

_LEFT_AFTER_DELETE = (
    "InnoDB keeps the bytes of deleted rows in its files until new rows take their place; OPTIMIZE TABLE "
    "learnrelay_statement writes the table anew. The server's undo, redo and binary logs, replicas and backups keep "
    "them for as long as you have set"
)

_LIMIT = "learnrelay_limit"
_STATEMENT_LIMIT = "/*M! max_statement_time = {0:.0f} */ /*!80000 max_execution_time = {1:.0f} */"
_SMALL = 2**18  # bytes; every server takes statements of this length
_SHORTEST = 0.001  # seconds; a limit of 0 would be none


class MysqlDialect(Dialect):
    """Opens connections to a MariaDB or MySQL server, for many hosts at once."""

    label = "MySQL or MariaDB"
    backup_tool = "mariadb-dump or mysqldump, with --single-transaction"
    in_keys = "IN :keys"
    one_writer = f"SELECT 1 FROM learnrelay_schema WHERE version = {FIRST_VERSION} FOR UPDATE"  # noqa: S608
    one_migration = f"SELECT GET_LOCK(CONCAT('learnrelay ', SHA1(DATABASE())), {int(CALL_LIMIT)})"
    find_schema = """SELECT table_name FROM information_schema.tables
        WHERE table_schema = DATABASE() AND table_name = 'learnrelay_schema'"""
    find_risks = """SELECT CONCAT('innodb_flush_log_at_trx_commit is ', @@innodb_flush_log_at_trx_commit)
            FROM DUAL WHERE @@innodb_flush_log_at_trx_commit <> 1
        UNION SELECT CONCAT('sync_binlog is ', @@sync_binlog) FROM DUAL WHERE @@log_bin AND @@sync_binlog <> 1"""
    read_clock = "SELECT UNIX_TIMESTAMP(NOW(6)) + 0E0"
    table_options = OPTIONS
    first_version = FIRST_VERSION
    tables = TABLES

    def __init__(self, url: URL, lock_timeout: float) -> None:
        super().__init__(url, lock_timeout)
        # Without FOUND_ROWS, which SQLAlchemy sets: a row that an insert leaves as it was is not counted.
        flags = self.options.get("client_flag", 0) & ~CLIENT.FOUND_ROWS
        self.options["client_flag"] = flags | CLIENT.MULTI_STATEMENTS
        self.options["cursorclass"] = BundlingCursor
        self.options["charset"] = "utf8mb4"
        locks = max(1, math.ceil(lock_timeout))
        idle = int(2 * CALL_LIMIT)  # a host that is gone in the middle holds locks
        # `sql_safe_updates` keeps UPDATE and DELETE to the keys that they name: the optimizer, whose row counts lag
        # behind, would read all rows of a table that it takes for small, and lock them.
        self._settings = f"""SET SESSION autocommit = 0, sql_mode = 'STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION',
            default_storage_engine = InnoDB, sql_safe_updates = 1, time_zone = '+00:00',
            innodb_lock_wait_timeout = {locks}, lock_wait_timeout = {locks}
            /*M! , tx_isolation = 'READ-COMMITTED', idle_transaction_timeout = {idle} */
            /*!80000 , transaction_isolation = 'READ-COMMITTED', wait_timeout = {idle} */
            , {_STATEMENT_LIMIT.format(CALL_LIMIT, CALL_LIMIT * 1000)}"""

    @staticmethod
    def translate(sql: str) -> str:
        """Returns a statement in MySQL's words."""
        return _in_mysql(sql)

    @staticmethod
    def text_before(column: str, mark: str) -> str:
        """Returns it with MySQL's function."""
        return f"SUBSTRING_INDEX({column}, '{mark}', 1)"

    def connect(self) -> BoundedMysqlConnection:
        """Opens a connection. Raises pymysql.Error, also for a server that is too old."""
        limit = {} if math.isinf(remaining_time()) else {"connect_timeout": round_wait(math.inf) or _SHORTEST}
        server = BoundedMysqlConnection(*self.arguments, **{**self.options, **limit}, autocommit=None)
        name, version = server.read_version()
        if version < _OLDEST[name]:
            server.close()
            oldest = " or ".join(f"{name} {'.'.join(map(str, version))}" for name, version in _OLDEST.items())
            raise pymysql.NotSupportedError(0, f"the server is too old: learnrelay needs {oldest}")
        server.query(self._settings)
        return server

    def is_usable(self, connection: Any) -> bool:
        """Tells whether the server has not closed the connection meanwhile, or sent why it is going to."""
        return isinstance(connection, BoundedMysqlConnection) and connection.is_quiet()

    def begin(self, cursor: Cursor, info: dict[Any, Any], *, write: bool, durable: bool, limit: float) -> None:
        """Sets what a long transaction needs; the first statement begins it."""
        if limit > CALL_LIMIT and info.get(_LIMIT) != limit:
            cursor.execute(f"SET SESSION {_STATEMENT_LIMIT.format(limit, limit * 1000)}")
            info[_LIMIT] = limit

    def change_later(self, cursor: Cursor, sql: str, parameters: dict[str, Any]) -> None:
        """Keeps a statement for the next round trip."""
        cast(BundlingCursor, cursor).bundle.append(cast(BundlingCursor, cursor).mogrify(sql, parameters))

    def commit(self, connection: Any, cursor: Cursor) -> None:
        """Commits, in one round trip with what was kept for it."""
        if cast(BundlingCursor, cursor).bundle:
            cursor.execute("COMMIT")
        else:
            connection.commit()

    def describe(self, error: BaseException) -> Failure:
        """Returns the reason by the number of the error."""
        code = error.args[0] if error.args else 0
        if isinstance(error, pymysql.NotSupportedError):
            return Failure(str(error.args[-1]))
        if isinstance(getattr(error, "original_exception", None), ssl.SSLError):
            return Failure("TLS fails, or the server's certificate is not trusted")
        if isinstance(error, pymysql.InterfaceError) or (code in range(2000, 3000) and code not in _ERRORS):
            return Failure("the database server does not answer", transient=True, unreachable=True)
        reasons = {**_ERRORS, **_TRANSIENT_ERRORS, **_UNREACHABLE}
        return Failure(
            f"{reasons[code]} ({code})" if code in reasons else f"error {code}" if code else "",
            transient=code in _TRANSIENT_ERRORS or code in _UNREACHABLE,
            deadlock=code in _DEADLOCKS,
            unreachable=code in _UNREACHABLE,
        )

    def was_done(self, error: BaseException) -> bool:
        """Tells whether a table, a column or an index is there: DDL commits, so a migration may have ended half-way."""
        return bool(error.args) and error.args[0] in _DONE

    def erase_free_space(self, connection: Any, name: str) -> str:
        """Leaves it to the server, whose threads purge what was deleted."""
        return _LEFT_AFTER_DELETE


@cache
def _in_mysql(sql: str) -> str:
    """Translates a statement: parameters, names that are reserved words, and what an insert does with a known row."""
    sql = re.sub(r"(?<![:\w])(key|condition)\b", r"`\1`", sql)
    # What `sql_safe_updates` does for changes; tables are read in the order in which they stand.
    sql = re.sub(r"^(SELECT `key` FROM \w+)(?=.* FOR UPDATE)", r"\1 FORCE INDEX (PRIMARY)", sql, flags=re.DOTALL)
    sql = re.sub(r"\bJOIN\b", "STRAIGHT_JOIN", sql)
    # The conditions are false for a row that is to stay as it is, which then is not counted.
    sql = re.sub(r"DO UPDATE SET (\S+) = (\S+) WHERE (.+)", r"DO UPDATE SET \1 = IF(\3, \2, \1)", sql)
    sql = re.sub(r"ON CONFLICT \([^)]*\) DO UPDATE SET", "ON DUPLICATE KEY UPDATE", sql)
    sql = re.sub(r"ON CONFLICT \((\S+?)[,)].*DO NOTHING", r"ON DUPLICATE KEY UPDATE \1 = VALUES(\1)", sql)
    sql = re.sub(r"\bexcluded\.(\S+?)(?=[\s,)]|$)", r"VALUES(\1)", sql)
    return re.sub(r"(?<!:):([a-z_]+)", r"%(\1)s", sql)


class BundlingCursor(PlainCursor):  # type: ignore[misc]
    """Sends the statements of ``bundle`` in one round trip with the next one. The first error ends them all."""

    def __init__(self, connection: Connection) -> None:
        super().__init__(connection)
        self.bundle: list[str] = []

    def execute(self, query: str | bytes, args: Any = None) -> int:
        """Runs the bundle and a statement, whose result is that of the cursor."""
        if not self.bundle:
            return int(super().execute(query, args))
        text = b";".join(map(_encoded, [*self.bundle, self.mogrify(query, args)]))
        self.bundle = []
        super().execute(text)
        while self.nextset():
            pass
        return int(self.rowcount)


class BoundedMysqlConnection(Connection):  # type: ignore[misc]
    """Gives up a call that takes longer than the thread may wait, and closes itself.

    PyMySQL has limits for each read and write, for the life of a connection; here they follow the thread's, from one
    request to the next, and an answer that comes byte by byte has no more time than any other.
    """

    _packet_limit = 0
    _answer: io.BufferedReader | None = None
    _unchecked: ClassVar[ssl.SSLContext | None] = None

    def _create_ssl_ctx(self, sslp: Any) -> ssl.SSLContext:
        # Where the address asks for nothing, PyMySQL takes what TLS the server has. It would read all certificates
        # of the system for each connection, in 20 ms, and check none.
        if sslp or self._unchecked is None:
            context: ssl.SSLContext = super()._create_ssl_ctx(sslp)
            if not sslp:
                BoundedMysqlConnection._unchecked = context
            return context
        return self._unchecked

    def read_version(self) -> tuple[str, tuple[int, ...]]:
        """Returns whether the server is MariaDB or MySQL, and its version."""
        text = str(self.get_server_info())
        numbers = re.search(r"(\d+)\.(\d+)\.(\d+)", text.removeprefix("5.5.5-"))
        return "MariaDB" if "MariaDB" in text else "MySQL", tuple(map(int, numbers.groups())) if numbers else ()

    def is_quiet(self) -> bool:
        """Tells whether the connection is open and the server has sent nothing, not its end either."""
        if not self.open:
            return False
        poll = select.poll()
        poll.register(self._sock, select.POLLIN)
        return not poll.poll(0)

    def query(self, sql: str | bytes, unbuffered: bool = False) -> int:
        """Runs a statement, if the server takes it: one that is too long would cost the connection."""
        if len(sql) > _SMALL and len(_encoded(sql)) + 1 > self._read_packet_limit():
            raise pymysql.DataError(ER.NET_PACKET_TOO_LARGE, "longer than max_allowed_packet")
        return int(super().query(sql, unbuffered))

    def _read_packet_limit(self) -> int:
        if not self._packet_limit:
            with self.cursor() as cursor:
                cursor.execute("SELECT @@max_allowed_packet")
                ((self._packet_limit,),) = cursor.fetchall()
        return self._packet_limit

    def _limit_wait(self) -> None:
        if not remaining_time():
            self._force_close()  # an answer that comes later would be taken for that to the next call
            raise pymysql.OperationalError(CR.CR_SERVER_LOST, "no answer in time")
        limit = round_wait(math.inf)
        self._read_timeout = self._write_timeout = None if math.isinf(limit) else limit

    @property
    def _rfile(self) -> io.BufferedReader | None:
        return self._answer

    @_rfile.setter
    def _rfile(self, file: io.BufferedReader | None) -> None:
        self._answer = None if file is None else io.BufferedReader(_BoundedAnswer(file.detach(), self._sock))

    def connect(self, sock: Any = None) -> None:
        """Opens the connection; the wait for the server's greeting, which follows no write of ours, is bounded too."""
        self._limit_wait()
        super().connect(sock)

    def _write_bytes(self, data: bytes) -> None:
        self._limit_wait()
        super()._write_bytes(data)


class _BoundedAnswer(io.RawIOBase):
    """Reads a socket for as long as the thread may wait."""

    def __init__(self, raw: io.RawIOBase, sock: socket.socket) -> None:
        self._raw = raw
        self._sock = sock

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        limit = remaining_time()
        if not limit:
            raise TimeoutError("no answer in time")
        self._sock.settimeout(None if math.isinf(limit) else max(limit, _SHORTEST))
        return self._raw.readinto(buffer)

    def close(self) -> None:
        self._raw.close()
        super().close()


def _encoded(sql: str | bytes) -> bytes:
    return sql.encode("utf-8", "surrogateescape") if isinstance(sql, str) else sql
