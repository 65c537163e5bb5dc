"""Gives the addresses of what only some machines have: databases, brokers, the reference events.

They are read from the environment here and nowhere else. A test or a fixture calls the function of what it needs; where
the variable is not set, the function skips the test, so that no test ever connects to an address that nobody gave.
"""

from __future__ import annotations

import os
import shutil
import sys
import uuid
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pymysql
import pytest
from sqlalchemy import URL, make_url

POSTGRES = "LEARNRELAY_TEST_POSTGRES_URL"
MYSQL = "LEARNRELAY_TEST_MYSQL_URL"
REDIS = "LEARNRELAY_TEST_REDIS_URL"
AMQP = "LEARNRELAY_TEST_AMQP_URL"
REFERENCE = "LEARNRELAY_REFERENCE"

ON_RABBITMQ = pytest.mark.xdist_group("rabbitmq")
"""Marks tests that share queues, or names of workers, on one RabbitMQ: they run one after the other."""


def postgres_url() -> str:
    """Returns the URL of a PostgreSQL database, in the form that SQLAlchemy reads; tests make schemas of their own."""
    return _address(POSTGRES, "PostgreSQL")


def mysql_url() -> str:
    """Returns the URL of a MariaDB or MySQL database; tests make databases of their own beside it."""
    return _address(MYSQL, "MariaDB")


@contextmanager
def mysql_database() -> Iterator[str]:
    """Yields the URL of a fresh database on the server of `mysql_url`."""
    url, name = make_url(mysql_url()), f"learnrelay_{uuid.uuid4().hex}"
    with closing(connect_to_mysql(url)) as server, server.cursor() as cursor:
        cursor.execute(f"CREATE DATABASE {name}")
        yield url.set(database=name).render_as_string(hide_password=False)
        cursor.execute(f"DROP DATABASE {name}")


def connect_to_mysql(url: URL) -> Any:
    """Connects with the plain driver, each statement a transaction."""
    address = {"host": url.host, "port": url.port or 3306, "user": url.username, "password": url.password or ""}
    return pymysql.connect(**address, database=url.database, autocommit=True)


def redis_url() -> str:
    """Returns the URL of a Redis database that tests may empty: the given one less the number of the xdist worker."""
    url = make_url(_address(REDIS, "Redis"))
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    database = int(url.database or 0) - worker
    assert database >= 0, f"{REDIS} names too low a database: each worker of pytest-xdist uses one, downwards from it"
    return url.set(database=str(database)).render_as_string(hide_password=False)


def amqp_url() -> str:
    """Returns the URL of a RabbitMQ virtual host."""
    return _address(AMQP, "RabbitMQ")


@contextmanager
def postgres_schema() -> Iterator[str]:
    """Yields the URL of a fresh schema in the database of `postgres_url`."""
    url, schema = postgres_url(), f"learnrelay_{uuid.uuid4().hex}"
    with psycopg.connect(url.replace("postgresql+psycopg://", "postgresql://"), autocommit=True) as connection:
        connection.execute(f"CREATE SCHEMA {schema}")
        yield f"{url}?options=-csearch_path%3D{schema}"
        connection.execute(f"DROP SCHEMA {schema} CASCADE")


def redis_server() -> str:
    """Returns the path of the program, for tests that start and end a Redis of their own."""
    return shutil.which("redis-server") or pytest.skip("redis-server is not installed")


def server_program(name: str) -> str:
    """Returns the path of a web server in this environment, for tests that start one."""
    return shutil.which(name, path=str(Path(sys.executable).parent)) or pytest.skip(f"{name} is not installed")


def reference_folder() -> Path:
    """Returns the folder of the reference events and of the published specifications."""
    return Path(_address(REFERENCE, "reference events"))


def _address(variable: str, name: str) -> str:
    address = os.environ.get(variable, "")
    if not address:
        pytest.skip(f"{name}: {variable} is not set")
    return address
