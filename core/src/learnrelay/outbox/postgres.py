"""Connects to PostgreSQL so that no call waits longer than `time_limits.time_limit` allows."""

from __future__ import annotations

import re
from collections.abc import Generator, Mapping
from functools import cache
from typing import Any

import psycopg
from sqlalchemy import URL

from .dialect import Cursor, Dialect, Failure, find_reason
from .time_limits import CALL_LIMIT, remaining_time

_SOCKET_OPTIONS: Mapping[str, int] = {
    "keepalives": 1,
    "keepalives_idle": 15,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 30_000,  # milliseconds
}
"""Finds out within 30 s that the host at the other end is gone. The URL may set other values."""

_ERRORS = {
    "53100": "the disk is full",
    "53300": "the database has too many connections",
    "25006": "the database is read-only",
    "28": "the database refuses the credentials",
    "3D": "the database does not exist",
    "42501": "access to the database is denied",
    "42P01": "the outbox's tables are not there",
    "40": "the transaction was rolled back by the database",
    "55P03": "the database is locked",
    "57014": "the database took too long",
    "57P01": "the server ended the connection",
    "57": "the database is starting or shutting down",
    "08": "the connection to the database is lost",
}

# While a connection is made there is no code, only the server's text after FATAL; in another language than English
# the message is less exact.
_CONNECTION_ERRORS = {
    r'database ".*" does not exist': "the database does not exist",
    r"password|role|pg_hba|authentication": "the database refuses the credentials",
    r"too many|connection slots": "the database has too many connections",
    r"starting up|shutting down|recovery": "the database is starting or shutting down",
}

# A queue's tables are empty one hour and huge the next, and PostgreSQL's statistics and cached plans lag behind. All
# queries find their rows by keys, in the order of the keys, so the planner is kept to plans that use them.
_PLAN_FOR_KEYS = dict.fromkeys(
    [f"enable_{method}" for method in ("seqscan", "bitmapscan", "sort", "hashjoin", "mergejoin")] + ["jit"], "off"
)

_LEFT_AFTER_VACUUM = (
    "PostgreSQL keeps the bytes of deleted rows in its files until new rows take their place. VACUUM was run; "
    "VACUUM FULL learnrelay_statement writes the table anew, and locks it meanwhile. The server's WAL, replicas and "
    "backups keep them for as long as you have set"
)


class PostgresDialect(Dialect):
    """Opens connections to a PostgreSQL server, for many hosts at once."""

    label = "PostgreSQL"
    backup_tool = "pg_dump"
    in_keys = "= ANY(CAST(:keys AS BIGINT[]))"
    one_writer = "SELECT 1 FROM (SELECT pg_advisory_xact_lock(5071977)) AS one_writer_at_a_time"
    one_migration = "SELECT 1 FROM (SELECT pg_advisory_xact_lock(5071976)) AS one_host_at_a_time"
    find_schema = "SELECT to_regclass('learnrelay_schema')"
    read_clock = "SELECT CAST(EXTRACT(EPOCH FROM clock_timestamp()) AS DOUBLE PRECISION)"

    def __init__(self, url: URL, lock_timeout: float) -> None:
        super().__init__(url, lock_timeout)
        milliseconds = {
            "lock_timeout": lock_timeout,
            "statement_timeout": CALL_LIMIT,
            "idle_in_transaction_session_timeout": 2 * CALL_LIMIT,  # a host that is gone in the middle holds locks
        }
        self._settings = {name: str(int(seconds * 1000)) for name, seconds in milliseconds.items()} | _PLAN_FOR_KEYS

    @staticmethod
    def translate(sql: str) -> str:
        """Returns a statement with the driver's parameters."""
        return _with_parameters(sql)

    @staticmethod
    def in_query(query: str) -> str:
        """Returns the comparison with an array, which is computed once."""
        return f"= ANY(ARRAY({query}))"

    @staticmethod
    def text_before(column: str, mark: str) -> str:
        """Returns it with PostgreSQL's function."""
        return f"SPLIT_PART({column}, '{mark}', 1)"

    def connect(self) -> Any:
        """Opens a connection. Raises psycopg.Error."""
        server = BoundedConnection.open(self.arguments, self.options)
        server.execute(
            "SELECT set_config(name, value, false) FROM unnest(%s::text[], %s::text[]) AS s (name, value)",
            (list(self._settings), list(self._settings.values())),
        )
        server.commit()
        return server

    def begin(self, cursor: Cursor, info: dict[Any, Any], *, write: bool, durable: bool, limit: float) -> None:
        """Begins a transaction."""
        if limit > CALL_LIMIT:
            cursor.execute(f"SET LOCAL statement_timeout = {int(limit * 1000)}")
            cursor.execute(f"SET LOCAL lock_timeout = {int(CALL_LIMIT * 1000)}")  # another host may be migrating
        if not durable:
            cursor.execute("SET LOCAL synchronous_commit = off")

    def describe(self, error: BaseException) -> Failure:
        """Returns the reason by SQLSTATE, or by the server's text where a connection is refused."""
        if state := getattr(error, "sqlstate", ""):
            reason = find_reason(_ERRORS, state)
            deadlock, unreachable = state.startswith("40"), state[:2] in ("08", "57")
            return Failure(
                f"{reason} ({state})" if reason else f"error {state}", deadlock or unreachable, deadlock, unreachable
            )
        if answer := str(error).partition("FATAL:")[2]:
            refusals = (text for pattern, text in _CONNECTION_ERRORS.items() if re.search(pattern, answer))
            reason = next(refusals, "the database refuses us")
            transient = "connections" in reason or "starting" in reason
            return Failure(reason, transient, unreachable=transient)
        if type(error).__name__ in ("OperationalError", "InterfaceError", "ConnectionTimeout"):
            return Failure("the database server does not answer", transient=True, unreachable=True)
        return Failure("")

    def erase_free_space(self, connection: Any, name: str) -> str:
        """Runs VACUUM. Raises psycopg.Error."""
        connection.driver_connection.autocommit = True
        connection.cursor().execute("SET statement_timeout = '1h'")
        for table in ("statement", "delivery", "dead_letter"):
            connection.cursor().execute(f"VACUUM learnrelay_{table}")
        return _LEFT_AFTER_VACUUM


@cache
def _with_parameters(sql: str) -> str:
    return re.sub(r"(?<!:):([a-z_]+)", r"%(\1)s", sql)


class BoundedConnection(psycopg.Connection[Any]):
    """Gives up a call that takes longer than the thread may wait, and closes itself.

    The server's own time limits do not help where the server is stopped or the network swallows its answers; the socket
    options do not help where the server's kernel still acknowledges what its process never reads.
    """

    @classmethod
    def open(cls, arguments: list[Any], options: Mapping[str, Any]) -> BoundedConnection:
        """Connects. Raises psycopg.Error."""
        return cls.connect(*arguments, **{**_SOCKET_OPTIONS, **options})

    @classmethod
    def _connect_gen(cls, *arguments: Any, **options: Any) -> Any:
        # `connect_timeout` cannot be less than 2 s, and is for each address of a host name.
        return _stop_in_time(super()._connect_gen(*arguments, **options))

    def wait(self, gen: Any, *arguments: Any, **options: Any) -> Any:
        """Waits for the server, for as long as the thread may. Raises psycopg.Error."""
        try:
            return super().wait(_stop_in_time(gen), *arguments, **options)
        except psycopg.errors.ConnectionTimeout:
            self.close()  # an answer that comes later would be taken for that to the next call
            raise


def _stop_in_time(steps: Generator[Any, Any, Any]) -> Generator[Any, Any, Any]:
    """Passes on what psycopg waits for, which looks up ten times a second. Raises psycopg.errors.ConnectionTimeout."""
    try:
        awaited = next(steps)
        while True:
            ready = yield awaited
            if not remaining_time():
                raise psycopg.errors.ConnectionTimeout("no answer in time")
            awaited = steps.send(ready)
    except StopIteration as end:
        return end.value
