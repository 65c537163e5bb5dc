"""No call waits without a bound, whatever the database, its server or the network does."""

from __future__ import annotations

import contextlib
import socket
import sqlite3
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import make_url

from learnrelay.config.models import Delivery
from learnrelay.config.secrets import Secret
from learnrelay.errors import OutboxError
from learnrelay.outbox import Outbox

from .conftest import statements
from .proxy import Proxy

WAIT = 2.0
BOUND = WAIT + 1.5  # a busy machine, half a second of grace, and the tenth of a second in which psycopg looks up


LIMITS = {
    "PostgreSQL": """SELECT current_setting('statement_timeout'),
        current_setting('idle_in_transaction_session_timeout')""",
    "MySQL or MariaDB": "SELECT @@max_statement_time, @@idle_transaction_timeout",
}
TOO_LONG = {
    "PostgreSQL": ("SET LOCAL statement_timeout = 50", "SELECT 1 FROM pg_sleep(5)"),
    "MySQL or MariaDB": ("SET SESSION max_statement_time = 0.05", "SELECT SLEEP(5)"),
}


@contextlib.contextmanager
def in_time(bound: float = BOUND) -> Iterator[None]:
    started = time.monotonic()
    yield
    assert time.monotonic() - started < bound


@pytest.fixture
def proxy(database_url: Secret) -> Iterator[Proxy]:
    proxy = Proxy.before(database_url.reveal())
    yield proxy
    proxy.close()


@pytest.fixture
def outbox(proxy: Proxy, database_url: Secret) -> Iterator[Outbox]:
    """An outbox behind the proxy, which the database's own schema was made for."""
    opened = Outbox.open(Delivery(database=behind(proxy, database_url), wait=WAIT))
    yield opened
    opened.close()


def behind(proxy: Proxy, database_url: Secret) -> Secret:
    url = make_url(database_url.reveal()).set(host="127.0.0.1", port=proxy.port)
    return Secret(url.render_as_string(hide_password=False))


@pytest.mark.parametrize("database_url", ["postgres", "mysql"], indirect=True)
class TestServer:
    def test_a_frozen_connection(self, outbox: Outbox, proxy: Proxy) -> None:
        outbox.put(statements(1, 1, "a"))
        proxy.frozen.set()
        for number in (2, 3):  # on the connection that worked, and on a new one
            with in_time(), pytest.raises(OutboxError, match="does not answer"):
                outbox.put(statements(number, number, "a"))
        proxy.frozen.clear()
        outbox.put(statements(4, 4, "a"))
        assert 2 <= outbox.status()["a"].accepted <= 4  # what was sent when the answer froze may have been stored

    def test_a_server_that_is_silent_from_the_first_connection_on(self, proxy: Proxy, database_url: Secret) -> None:
        proxy.frozen.set()
        with in_time(), pytest.raises(OutboxError, match="does not answer"):
            Outbox.open(Delivery(database=behind(proxy, database_url), wait=WAIT))

    def test_many_threads_do_not_wait_for_each_other(self, outbox: Outbox, proxy: Proxy) -> None:
        outbox.close()
        proxy.frozen.set()

        def put(number: int) -> None:
            with in_time(), pytest.raises(OutboxError):
                outbox.put(statements(number, number, "a"))

        with ThreadPoolExecutor(24) as pool:
            list(pool.map(put, range(24)))

    def test_a_server_that_refuses(self, outbox: Outbox, proxy: Proxy) -> None:
        proxy.close()
        with in_time(), pytest.raises(OutboxError, match="does not answer"):
            outbox.put(statements(1, 1, "a"))

    def test_a_row_that_another_host_holds(self, outbox: Outbox, database_url: Secret) -> None:
        outbox.put(statements(1, 1, "a"))
        other = Outbox.open(Delivery(database=database_url))
        with other.database.transaction() as transaction:
            transaction.execute("SELECT 1 FROM learnrelay_delivery_counter FOR UPDATE")
            with in_time(), pytest.raises(OutboxError, match=r"the database is locked|does not answer"):
                outbox.put(statements(2, 2, "a"))
        other.close()

    def test_a_worker_too(self, outbox: Outbox, proxy: Proxy) -> None:
        outbox.put(statements(1, 1, "a"))
        with outbox.database.transaction() as transaction:
            limits = transaction.execute(LIMITS[outbox.database.dialect.label])
        assert limits in ([("30s", "1min")], [(30, 60)])
        proxy.frozen.set()
        with (
            in_time(),
            pytest.raises(OutboxError, match="does not answer"),
            outbox.database.transaction(limit=WAIT) as transaction,
        ):
            transaction.execute("SELECT 1")

    def test_a_query_that_takes_too_long(self, outbox: Outbox) -> None:
        too_long = pytest.raises(OutboxError, match="took too long")
        with too_long, outbox.database.transaction() as transaction:
            limit, query = TOO_LONG[outbox.database.dialect.label]
            transaction.change(limit)
            transaction.execute(query)


@pytest.mark.parametrize("kind", ["postgresql+psycopg", "mysql+pymysql"])
def test_a_listener_that_accepts_and_never_says_a_word(kind: str) -> None:
    """With MySQL, the server would speak first. The kernel accepts for a process that is stopped."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = Secret(f"{kind}://relay:none@127.0.0.1:{listener.getsockname()[1]}/none")
        with in_time(4 * BOUND), pytest.raises(OutboxError, match="does not answer"):  # drivers are imported in it
            Outbox.open(Delivery(database=url, wait=WAIT))


def drip(listener: socket.socket) -> None:
    """Sends the greeting of a server, a byte at a time, and never ends it."""
    with contextlib.suppress(OSError):
        client, _ = listener.accept()
        client.sendall(b"\xff\x00\x00\x00")
        while True:
            client.sendall(b"\x0a")
            time.sleep(0.1)


def test_a_server_that_drips() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=drip, args=(listener,), daemon=True).start()
        url = Secret(f"mysql+pymysql://relay:none@127.0.0.1:{listener.getsockname()[1]}/none")
        with in_time(4 * BOUND), pytest.raises(OutboxError, match="does not answer"):
            Outbox.open(Delivery(database=url, wait=WAIT))


@pytest.mark.parametrize("database_url", ["postgres"], indirect=True)
def test_what_the_url_says_of_the_socket_counts(database_url: Secret) -> None:
    url = make_url(database_url.reveal()).update_query_dict({"keepalives_idle": "7"})
    outbox = Outbox.open(Delivery(database=Secret(url.render_as_string(hide_password=False)), wait=WAIT))
    with outbox.database.transaction():
        fairy = outbox.database._pool.connect()
        with socket.socket(fileno=socket.dup(fairy.driver_connection.pgconn.socket)) as duplicate:
            assert duplicate.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE) == 7
            assert duplicate.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL) == 5
        fairy.close()
    outbox.close()


def test_sqlite_waits_for_another_writer_no_longer_than_is_left(tmp_path: Path) -> None:
    path = tmp_path / "outbox.db"
    outbox = Outbox.open(Delivery(database=Secret(f"sqlite:///{path}"), wait=5.0))
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    locked = pytest.raises(OutboxError, match="the database is locked")
    with in_time(), locked, outbox.database.transaction(limit=WAIT):
        pass
    other.execute("COMMIT")
    other.close()
    outbox.put(statements(1, 1, "a"))
    outbox.close()
