"""What is special about MariaDB and MySQL: their errors, their connections, their deadlocks."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing

import pytest
from sqlalchemy import make_url

from learnrelay.config.models import Delivery
from learnrelay.config.secrets import Secret
from learnrelay.errors import OutboxError
from learnrelay.outbox import Outbox, OutgoingStatement, mysql
from learnrelay.outbox.database import Database, DeadlockError, Transaction, retry_deadlocks
from services import connect_to_mysql, mysql_url

from .conftest import TurnedClock, statements

OpenOutbox = Callable[..., Outbox]

ON_MYSQL = pytest.mark.parametrize("database_url", ["mysql"], indirect=True)
ON_SERVERS = pytest.mark.parametrize("database_url", ["postgres", "mysql"], indirect=True)


# --- words ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("address", "reason"),
    [
        (lambda url: url.set(database="nonesuch"), "the database does not exist"),
        (lambda url: url.set(port=1), "the database server does not answer"),
        (lambda url: url.set(username="nobody", password="Kd7wq2Lmz9Xv4bTn"), "the database refuses the credentials"),
        (lambda url: url.update_query_dict({"ssl_ca": "/etc/ssl/certs/ca-certificates.crt"}), "TLS fails"),
    ],
)
def test_a_server_that_does_not_let_us_in(address: Callable[..., object], reason: str) -> None:
    url = address(make_url(mysql_url())).render_as_string(hide_password=False)  # type: ignore[attr-defined]
    with pytest.raises(OutboxError, match=reason) as caught:
        Outbox.open(Delivery(database=Secret(url), wait=1.0))
    assert "Kd7wq2Lmz9Xv4bTn" not in str(caught.value)


@ON_MYSQL
def test_a_server_that_is_too_old(database_url: Secret, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(mysql._OLDEST, "MariaDB", (99, 1))
    with pytest.raises(OutboxError, match=r"too old: learnrelay needs MariaDB 99\.1 or MySQL 8\.0\.17"):
        Outbox.open(Delivery(database=database_url))


@ON_MYSQL
def test_a_statement_that_the_server_does_not_take_is_named(open_outbox: OpenOutbox) -> None:
    outbox = open_outbox(wait=30.0)
    with outbox.database.transaction() as transaction:
        ((most,),) = transaction.execute("SELECT @@max_allowed_packet")
    large = OutgoingStatement("plain", "large", "x", b"x" * most, ("a",))
    started = time.monotonic()
    with pytest.raises(OutboxError, match="larger than max_allowed_packet"):
        outbox.put([large])
    assert time.monotonic() - started < 10, "it is not tried again"
    outbox.put([OutgoingStatement("plain", "fits", "x", b"'" * (most // 2 - 1000), ("a",))])
    assert outbox.status()["a"].accepted == 1


@ON_MYSQL
def test_a_name_that_is_too_long_is_an_error_and_nothing_is_cut(open_outbox: OpenOutbox) -> None:
    outbox = open_outbox()
    with pytest.raises(OutboxError, match="longer than its column"):
        outbox.put(statements(1, 1, "a" * 256))
    outbox.put([OutgoingStatement("plain", "i" * 512, "x", b"{}", ("a" * 255,))])
    assert list(outbox.status()) == ["a" * 255]


@ON_MYSQL
def test_check_warns_where_a_commit_does_not_wait_for_the_disk(database_url: Secret) -> None:
    database = Database(database_url, lock_timeout=5.0)
    assert database.check_durability() == ""
    with closing(connect_to_mysql(make_url(mysql_url()))) as server, server.cursor() as cursor:
        cursor.execute("SET GLOBAL innodb_flush_log_at_trx_commit = 2")
        try:
            assert database.check_durability() == (
                "a power cut may undo what was stored: innodb_flush_log_at_trx_commit is 2"
            )
        finally:
            cursor.execute("SET GLOBAL innodb_flush_log_at_trx_commit = 1")
    database.close()


# --- names ------------------------------------------------------------------------------------------------

ALIKE = ["Alpha", "alpha", "alpha ", "álpha", "alpha😀", "'alpha\\'", "%(alpha)s"]


def test_names_and_ids_that_look_alike_are_kept_apart(open_outbox: OpenOutbox) -> None:
    outbox = open_outbox()
    for number, name in enumerate(ALIKE):
        outbox.put([OutgoingStatement("plain", other, "x", f"{name} {other}".encode(), (name,)) for other in ALIKE])
        assert len(outbox.status()) == number + 1
    assert {(s.accepted, s.duplicates) for s in outbox.status().values()} == {(len(ALIKE), 0)}
    outbox.put([OutgoingStatement("plain", "alpha", "x", b"alpha alpha", ("alpha",))])
    assert outbox.status()["alpha"].duplicates == 1
    for name in ALIKE:
        claim = outbox.queue(name).claim(99)
        assert [row.statement_id for row in claim.rows] == ALIKE
        assert [row.payload for row in claim.rows] == [f"{name} {other}".encode() for other in ALIKE]


# --- connections ------------------------------------------------------------------------------------------


@pytest.fixture
def outbox(open_outbox: OpenOutbox) -> Iterator[Outbox]:
    yield open_outbox(wait=1.0)


@ON_MYSQL
def test_a_connection_that_the_server_has_closed_is_replaced_before_it_is_used(outbox: Outbox) -> None:
    with outbox.database.transaction() as transaction:
        ((connection,),) = transaction.execute("SELECT CONNECTION_ID()")
    with closing(connect_to_mysql(make_url(mysql_url()))) as server, server.cursor() as cursor:
        cursor.execute(f"KILL {connection}")
        gone = "SELECT COUNT(*) FROM information_schema.processlist WHERE id = %s"
        while cursor.execute(gone, [connection]) and cursor.fetchone() != (0,):
            time.sleep(0.01)
    with outbox.database.transaction() as transaction:  # which is not tried again
        assert transaction.execute("SELECT CONNECTION_ID()") != [(connection,)]


@ON_MYSQL
def test_a_connection_that_breaks_in_the_middle(outbox: Outbox) -> None:
    outbox.put(statements(1, 1, "a"))
    gone = pytest.raises(OutboxError, match=r"ended the connection|does not answer")
    with gone, outbox.database.transaction() as transaction:
        ((connection,),) = transaction.execute("SELECT CONNECTION_ID()")
        transaction.change("DELETE FROM learnrelay_delivery WHERE destination = 'a'")
        with closing(connect_to_mysql(make_url(mysql_url()))) as server, server.cursor() as cursor:
            cursor.execute(f"KILL {connection}")
        transaction.change("DELETE FROM learnrelay_statement WHERE key > 0")
    outbox.put(statements(2, 2, "a"))
    assert outbox.status()["a"].waiting == 2
    assert len(outbox.queue("a").claim(9).rows) == 2


@ON_MYSQL
def test_read_only(outbox: Outbox) -> None:
    with pytest.raises(OutboxError, match="the database is read-only"), outbox.database.transaction() as transaction:
        transaction.change("SET TRANSACTION READ ONLY")
        transaction.change("DELETE FROM learnrelay_statement WHERE key > 0")
    outbox.put(statements(1, 1, "a"))


@ON_MYSQL
def test_many_claims_at_once_do_not_wait_for_each_other(open_outbox: OpenOutbox, clock: TurnedClock) -> None:
    outbox = open_outbox(clock, wait=2.0)
    outbox.put(statements(1, 10, "a"))
    with outbox.database.transaction() as transaction:
        first = outbox.queue("a")._claim(transaction, "d.destination = :destination AND d.lease_until <= :now", 4)
        second = outbox.queue("a").claim(4)
    assert not {row.key for row in first.rows} & {row.key for row in second.rows}
    assert [len(first.rows), len(second.rows), len(outbox.queue("a").claim(9).rows)] == [4, 4, 2]


@ON_MYSQL
def test_what_is_kept_for_the_next_round_trip_comes_before_it(outbox: Outbox) -> None:
    add = "INSERT INTO learnrelay_refusal (reason, slot, number, latest) VALUES (:reason, 0, 1, 0)"

    def count(transaction: Transaction) -> int:
        return int(transaction.execute("SELECT COUNT(*) FROM learnrelay_refusal")[0][0])

    with outbox.database.transaction() as transaction:
        transaction.change_later(add, reason="é;'\\")
        transaction.change_later(add, reason="b")
        assert count(transaction) == 2
        transaction.change_later(add, reason="c")
        assert transaction.change_many(add, [{"reason": "d"}, {"reason": "e"}]) == 2
        transaction.change_later(add, reason="f")
    with pytest.raises(OutboxError), outbox.database.transaction() as transaction:
        transaction.change(add, reason="g")
        transaction.change_later(add, reason="a" * 300)
    with outbox.database.transaction() as transaction:
        assert count(transaction) == 6
        assert ("é;'\\",) in transaction.execute("SELECT reason FROM learnrelay_refusal")


# --- deadlocks --------------------------------------------------------------------------------------------


@ON_SERVERS
def test_a_transaction_that_a_deadlock_undid_is_run_again(outbox: Outbox, open_outbox: OpenOutbox) -> None:
    outbox.put(statements(1, 1, "a", "b"))
    other = open_outbox(wait=20.0)
    met, tries = threading.Barrier(2), []

    @retry_deadlocks
    def lock(where: Outbox, names: str) -> None:
        tries.append(names)
        with where.database.transaction() as transaction:
            add(transaction, names[0])
            if len(tries) <= 2:
                met.wait(30)
            add(transaction, names[1])

    def add(transaction: Transaction, name: str) -> None:
        transaction.change(
            "UPDATE learnrelay_delivery_counter SET retried = retried + 1 WHERE destination = :name", name=name
        )

    thread = threading.Thread(target=lock, args=(other, "ba"))
    thread.start()
    lock(open_outbox(wait=20.0), "ab")
    thread.join(60)
    assert len(tries) >= 3
    assert {status.retried for status in outbox.status().values()} == {2}


def test_a_deadlock_that_comes_again_and_again_is_an_error() -> None:
    tries = []

    @retry_deadlocks
    def fail() -> None:
        tries.append(1)
        raise DeadlockError("again")

    with pytest.raises(DeadlockError):
        fail()
    assert len(tries) == 5
