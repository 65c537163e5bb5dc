"""The outbox on MariaDB or MySQL, beside bare inserts with the same durability."""

from __future__ import annotations

import os
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pymysql
from sqlalchemy import URL, make_url

from learnrelay.config.models import Delivery
from learnrelay.config.secrets import Secret
from learnrelay.outbox import Outbox, OutgoingStatement

MYSQL = "LEARNRELAY_TEST_MYSQL_URL"


def measure(_: Path, quick: bool) -> dict[str, Any]:
    """Measures single puts a second; nothing where no server is given."""
    return {"outbox on MariaDB": _inserts(300 if quick else 3_000)} if os.environ.get(MYSQL) else {}


@contextmanager
def fresh_database() -> Iterator[str]:
    """Yields the URL of a database of our own on the server."""
    url, name = make_url(os.environ[MYSQL]), f"benchmarks_{uuid.uuid4().hex}"
    with closing(_connect(url)) as server, server.cursor() as cursor:
        cursor.execute(f"CREATE DATABASE {name}")
        try:
            yield url.set(database=name).render_as_string(hide_password=False)
        finally:
            cursor.execute(f"DROP DATABASE {name}")


def _connect(url: URL) -> Any:
    address = {"host": url.host, "port": url.port or 3306, "user": url.username, "password": url.password or ""}
    return pymysql.connect(**address, database=url.database)


def _inserts(events: int) -> dict[str, Any]:
    """Measures statements a second, one a commit, beside two inserts with plain PyMySQL, in turns, put by put."""
    with fresh_database() as outbox_url, fresh_database() as bare_url, closing(_connect(make_url(bare_url))) as bare:
        outbox = Outbox.open(replace(Delivery(), database=Secret(outbox_url), limit=10**9))
        cursor = bare.cursor()
        cursor.execute(
            "CREATE TABLE statement (number BIGINT AUTO_INCREMENT PRIMARY KEY, id VARCHAR(64) UNIQUE, payload LONGBLOB)"
        )
        cursor.execute("CREATE TABLE delivery (destination VARCHAR(64), id VARCHAR(64), PRIMARY KEY (destination, id))")

        def put_bare(statement: OutgoingStatement) -> None:
            cursor.execute(
                "INSERT INTO statement (id, payload) VALUES (%s, %s)", (statement.statement_id, statement.payload)
            )
            cursor.execute("INSERT INTO delivery VALUES ('main', %s)", (statement.statement_id,))
            bare.commit()

        puts: dict[str, Callable[[OutgoingStatement], object]] = {
            "outbox on MariaDB, 1 a commit": lambda statement: outbox.put([statement]),
            "bare PyMySQL, 1 a commit": put_bare,
        }
        took = dict.fromkeys(puts, 0.0)
        for number in range(events):
            name = f"{number:036}"
            payload = b'{"id":"%s","padding":"%s"}' % (name.encode(), b"x" * 1100)
            statement = OutgoingStatement("xapi", name, "event", payload, ("main",), event_time=datetime.now(UTC))
            for kind, put in puts.items():
                started = time.perf_counter()
                put(statement)
                took[kind] += time.perf_counter() - started
        outbox.close()
    return {kind: {"statements_per_second": round(events / seconds)} for kind, seconds in took.items()}
