"""Connects to the database of the LMS from outside of it, with credentials of its own."""

from __future__ import annotations

import os
import re
import sqlite3
import threading
import uuid
from collections.abc import Mapping
from contextlib import closing
from datetime import UTC, datetime
from time import monotonic
from typing import Any, NamedTuple

from sqlalchemy import URL, make_url

from learnrelay.config.secrets import Secret

from .database import LOCK_LIMIT, LmsDatabase, Row, code_of

_LONGEST_IDLE = 30.0
"""Seconds after which a connection is not used again: servers and networks drop idle ones."""

_CLOSED = (2006, 2013, 2014, 2055, 4031, 1927)
"""Errors of a connection that the server had closed while it was idle, if they come at once."""

_DUPLICATE = 1062
_NO_PARENT = 1452

_READ_ONLY = "sql_mode = 'STRICT_ALL_TABLES' /*M! , tx_read_only = 1 */ /*!80000 , transaction_read_only = 1 */"

_FIND_TYPE = "SELECT id, name FROM external_user_ids_externalidtype WHERE name = %(name)s"
_INSERT = """
    INSERT INTO external_user_ids_externalid (created, modified, external_user_id, external_id_type_id, user_id)
    VALUES (%(now)s, %(now)s, %(external_id)s, %(type_id)s, %(user_id)s)"""
_INSERT_HISTORY = """
    INSERT INTO external_user_ids_historicalexternalid
        (id, created, modified, external_user_id, external_id_type_id, user_id, history_date, history_type)
    VALUES (%(id)s, %(now)s, %(now)s, %(external_id)s, %(type_id)s, %(user_id)s, %(now)s, '+')"""
_FIND = """
    SELECT external_user_id FROM external_user_ids_externalid
    WHERE user_id = %(user_id)s AND external_id_type_id = %(type_id)s"""


class _Kept(NamedTuple):
    """Holds the connection of a thread, the process that opened it, and when it was used last."""

    connection: Any
    process: int
    used: float


class DirectDatabase(LmsDatabase):
    """Keeps a connection for each thread, read-only except while an external id is made."""

    def __init__(self, address: Secret, timeout: float) -> None:
        self._url = make_url(address.reveal())
        self._is_sqlite = self._url.get_backend_name() == "sqlite"
        self._of_thread = threading.local()
        if self._is_sqlite:
            super().__init__(timeout, sqlite3.Error)
        else:
            from pymysql import MySQLError

            super().__init__(timeout, MySQLError)

    def _connect(self) -> Any:
        return (_open_sqlite if self._is_sqlite else _open_mysql)(self._url, self.timeout)

    def _run(self, sql: str, values: Mapping[str, Any]) -> list[Row]:
        kept = self._take_kept()
        connection = self._connect() if kept is None else kept
        started = monotonic()
        try:
            rows = self._execute(connection, sql, values)
        except self.driver_errors as error:
            _drop(connection)
            is_closed = code_of(error) in _CLOSED and monotonic() - started < self.timeout / 2
            if kept is None or not is_closed:
                raise
            connection = self._connect()
            rows = self._execute(connection, sql, values)
        self._of_thread.kept = _Kept(connection, os.getpid(), monotonic())
        return rows

    def _take_kept(self) -> Any:
        """Takes the connection of this thread, if it can still be used; that of a parent process cannot."""
        kept: _Kept | None = getattr(self._of_thread, "kept", None)
        self._of_thread.kept = None
        if kept is None or kept.process != os.getpid():
            return None
        if monotonic() - kept.used < _LONGEST_IDLE:
            return kept.connection
        _drop(kept.connection)
        return None

    def _execute(self, connection: Any, sql: str, values: Mapping[str, Any]) -> list[Row]:
        with closing(connection.cursor()) as cursor:
            cursor.execute(_named(sql) if self._is_sqlite else sql, values)
            return list(cursor.fetchall())

    def create_external_id(self, user_id: int, type_name: str) -> str | None:
        """Inserts the external id and its history, in a transaction of its own on a connection of its own."""
        types = [row[0] for row in self.query(_FIND_TYPE, {"name": type_name}) if row[1] == type_name]
        if not types:
            return None
        values = {
            "user_id": user_id, "type_id": types[0], "external_id": uuid.uuid4().hex,
            "now": datetime.now(UTC).replace(tzinfo=None),
        }  # fmt: skip
        try:
            with closing(self._connect()) as connection:
                return _insert(connection, values)
        except self.driver_errors as error:
            if code_of(error) == _NO_PARENT:  # the user was deleted meanwhile
                return None
            if code_of(error) != _DUPLICATE:
                raise self.unavailable(error) from error
        rows = self.query(_FIND, values)  # another process was quicker
        return str(uuid.UUID(str(rows[0][0]))) if rows else None


def _insert(connection: Any, values: Mapping[str, Any]) -> str:
    with closing(connection.cursor()) as cursor:
        cursor.execute("SET SESSION TRANSACTION READ WRITE")
        connection.begin()
        cursor.execute(_INSERT, values)
        cursor.execute(_INSERT_HISTORY, {**values, "id": cursor.lastrowid})
        connection.commit()
    return str(uuid.UUID(values["external_id"]))


def _open_mysql(url: URL, timeout: float) -> Any:
    import pymysql
    from sqlalchemy.dialects.mysql.pymysql import MySQLDialect_pymysql

    arguments, options = MySQLDialect_pymysql().create_connect_args(url)
    options = {"charset": "utf8mb4", **options, "autocommit": True}
    options |= dict.fromkeys(("connect_timeout", "read_timeout", "write_timeout"), timeout)
    options["init_command"] = f"SET SESSION innodb_lock_wait_timeout = {LOCK_LIMIT}, {_READ_ONLY}"
    return pymysql.connect(*arguments, **options)


def _open_sqlite(url: URL, timeout: float) -> Any:
    from pathlib import Path

    address = f"{Path(url.database or '').absolute().as_uri()}?mode=ro"
    return sqlite3.connect(address, timeout, uri=True, check_same_thread=False)


def _named(sql: str) -> str:
    """Returns a statement with values as ``:name``, as SQLite's driver reads them."""
    return re.sub(r"%\((\w+)\)s", r":\1", sql)


def _drop(connection: Any) -> None:
    """Gives a connection up, which may be in the middle of an answer."""
    getattr(connection, "_force_close", connection.close)()
