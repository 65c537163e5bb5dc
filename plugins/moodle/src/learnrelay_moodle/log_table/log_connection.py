"""Connects to Moodle's database so that no call waits without a bound, and nothing can be changed."""

from __future__ import annotations

import re
from importlib.util import find_spec
from typing import Any

from marshmallow import ValidationError
from sqlalchemy import Connection, Engine, NullPool, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError

from learnrelay.config.fields import SecretText
from learnrelay.config.secrets import Secret

CONNECT_LIMIT = 10  # seconds
CALL_LIMIT = 30.0  # seconds without an answer after which a connection is given up

_DRIVERS = {
    "postgresql+psycopg": (re.compile(r"postgres(ql)?(\+psycopg)?"), "psycopg", "postgres"),
    "mysql+pymysql": (re.compile(r"(mysql|mariadb)(\+pymysql)?"), "pymysql", "mysql"),
}
"""Name of the dialect with its driver → names that an address may have, the driver's module, our extra with it."""

MISSING_TABLE = ("42P01", 1146)
_DENIED = ("42501", 1142, 1143, 1044)
_REASONS: dict[str | int, str] = {
    **dict.fromkeys(MISSING_TABLE, "there is no such table: is the key prefix that of config.php?"),
    **dict.fromkeys(_DENIED, "the user may not read the table: GRANT SELECT on it"),
    **dict.fromkeys(("28P01", "28000", 1045, 1698), "the database refuses the credentials"),
    **dict.fromkeys(("3D000", 1049), "the database does not exist"),
    **dict.fromkeys(("53300", 1040, 1203), "the database has too many connections"),
}
"""SQLSTATE of PostgreSQL, or number of an error of MariaDB and MySQL → what it means."""


class DatabaseAddress(SecretText):
    """Reads by reference the address of a database, with its credentials."""

    def _deserialize(self, value: Any, attr: Any, data: Any, **kwargs: Any) -> Secret:
        secret = super()._deserialize(value, attr, data, **kwargs)
        scheme, _, rest = secret.reveal().partition("://")
        for name, (known, driver, extra) in _DRIVERS.items():
            if known.fullmatch(scheme) and rest:
                if find_spec(driver) is None:
                    raise ValidationError(f"its driver is not installed: pip install 'learnrelay-moodle[{extra}]'")
                try:
                    make_url(address := f"{name}://{rest}")
                except (ArgumentError, ValueError):
                    break
                return Secret(address, secret.source)
        raise ValidationError(
            'expected the address of Moodle\'s database, "mysql+pymysql://USER:PASSWORD@HOST/NAME" or '
            '"postgresql+psycopg://USER:PASSWORD@HOST/NAME"'
        )


def connect(address: Secret) -> Connection:
    """Opens a connection on which each query sees what is committed. Raises DBAPIError."""
    url = make_url(address.reveal())
    limits: dict[str, Any] = {"connect_timeout": CONNECT_LIMIT}
    if url.get_backend_name() == "mysql":
        limits |= {"read_timeout": CALL_LIMIT, "write_timeout": CALL_LIMIT}
    engine = create_engine(
        url, poolclass=NullPool, isolation_level="AUTOCOMMIT", hide_parameters=True, connect_args=limits
    )
    if url.get_backend_name() == "postgresql":
        _limit_waits(engine)
    connection = engine.connect()
    try:
        is_mysql = url.get_backend_name() == "mysql"
        what = "" if is_mysql else "CHARACTERISTICS AS "
        connection.exec_driver_sql(f"SET SESSION {what}TRANSACTION READ ONLY")
    except BaseException:
        connection.close()
        raise
    return connection


def _limit_waits(engine: Engine) -> None:
    """Has psycopg give up a call without an answer, for which it has no setting."""
    from .bounded_postgres import BoundedPostgres

    @event.listens_for(engine, "do_connect")
    def open_bounded(dialect: Any, record: Any, arguments: Any, options: Any) -> BoundedPostgres:
        return BoundedPostgres.connect(*arguments, **options)


def code_of(error: DBAPIError) -> str | int:
    """Returns the SQLSTATE of PostgreSQL, or the number of an error of MariaDB and MySQL; empty if there is none."""
    first = error.orig.args[0] if error.orig is not None and error.orig.args else ""
    return first if isinstance(first, int) else getattr(error.orig, "sqlstate", None) or ""


def describe(error: DBAPIError) -> str:
    """Says what an error means, with nothing of the query and of its values."""
    code = code_of(error)
    if code in _REASONS:
        return f"{_REASONS[code]} ({code})"
    if code == "" or (type(code) is int and code in range(2000, 3000)) or str(code)[:2] in ("08", "57"):
        return "the database does not answer"
    return f"the database reports error {code}"
