"""An outbox of an older version becomes a current one by itself, with what waits in it."""

from __future__ import annotations

import os
import sqlite3
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from learnrelay.config.models import Delivery
from learnrelay.config.secrets import Secret
from learnrelay.errors import OutboxError
from learnrelay.outbox import Outbox
from learnrelay.outbox.database import Database, Transaction
from learnrelay.outbox.history import read_history, record_history
from learnrelay.outbox.migrations import MIGRATIONS, migrate

from .conftest import statements


def add_a_column(transaction: Transaction, postgres: bool) -> None:
    transaction.change("ALTER TABLE learnrelay_statement ADD COLUMN colour VARCHAR(9) NOT NULL DEFAULT 'grey'")


def break_down(transaction: Transaction, postgres: bool) -> None:
    transaction.change("ALTER TABLE learnrelay_statement ADD COLUMN shape TEXT")
    transaction.change("ALTER TABLE learnrelay_nothing ADD COLUMN shape TEXT")


def version(database: Database) -> int:
    with database.transaction(write=False) as transaction:
        return int(transaction.execute("SELECT MAX(version) FROM learnrelay_schema")[0][0])


def test_forward_with_what_waits(database_url: Secret) -> None:
    outbox = Outbox.open(Delivery(database=database_url))
    outbox.put(statements(1, 3, "a"))
    assert version(outbox.database) == len(MIGRATIONS)
    assert migrate(outbox.database, (*MIGRATIONS, add_a_column)) == len(MIGRATIONS) + 1
    with outbox.database.transaction() as transaction:
        assert transaction.execute("SELECT DISTINCT colour FROM learnrelay_statement") == [("grey",)]
    assert len(outbox.queue("a").claim(9).rows) == 3
    with pytest.raises(OutboxError, match="upgrade learnrelay"):
        Outbox.open(Delivery(database=database_url))
    outbox.close()


@pytest.mark.parametrize("database_url", ["sqlite", "postgres"], indirect=True)
def test_an_outbox_of_version_5_keeps_its_counters_and_what_waits(database_url: Secret) -> None:
    database = Database(database_url, lock_timeout=5.0)
    database.create()
    assert migrate(database, MIGRATIONS[:5]) == 5
    with database.transaction() as transaction:
        ((key,),) = transaction.execute(
            """INSERT INTO learnrelay_statement
                (minute, standard, statement_id, content, event_name, critical, taken, payload)
            VALUES (0, 'plain', 's1', 1, 'video.played', 0, 0, :payload) RETURNING key""",
            payload=b'{"id":"s1"}',
        )
        transaction.change("INSERT INTO learnrelay_delivery (destination, key) VALUES ('a', :key)", key=key)
        for slot, accepted, waiting, delivered in ((0, 3, 0, 3), (7, 2, 1, 1)):
            transaction.change(
                """INSERT INTO learnrelay_tally (destination, slot, accepted, waiting, delivered)
                VALUES ('a', :slot, :accepted, :waiting, :delivered)""",
                slot=slot,
                accepted=accepted,
                waiting=waiting,
                delivered=delivered,
            )
    database.close()

    outbox = Outbox.open(Delivery(database=database_url))
    assert version(outbox.database) == len(MIGRATIONS) > 5
    outbox.put(statements(2, 2, "a"))
    status = outbox.status()["a"]
    assert (status.accepted, status.waiting, status.delivered) == (6, 2, 4)
    assert [bytes(row.payload) for row in outbox.queue("a").claim(9).rows] == [b'{"id":"s1"}', b'{"id":"s2"}']
    with pytest.raises(OutboxError), outbox.database.transaction(write=False) as transaction:
        transaction.execute("SELECT * FROM learnrelay_tally")
    outbox.close()


def test_an_outbox_that_is_two_versions_old_keeps_what_waits_and_begins_a_day(database_url: Secret) -> None:
    """Versions 12 and 13 made and changed one table, so an outbox without it is one of version 11."""
    outbox = Outbox.open(Delivery(database=database_url))
    outbox.put(statements(1, 5, "a"))
    with outbox.database.transaction() as transaction:
        transaction.change("DROP TABLE learnrelay_history")
        transaction.change("DELETE FROM learnrelay_schema WHERE version > 11")
    outbox.close()
    with pytest.raises(OutboxError, match="learnrelay migrate"):
        Outbox.look(Delivery(database=database_url)).close()
    outbox = Outbox.open(Delivery(database=database_url))
    assert version(outbox.database) == len(MIGRATIONS) == 13
    record_history(outbox)
    assert [sample.waiting for sample in read_history(outbox)["a"]] == [5]
    assert len(outbox.queue("a").claim(9).rows) == 5
    outbox.close()


@pytest.mark.parametrize("database_url", ["sqlite", "postgres"], indirect=True)
def test_all_or_nothing(database_url: Secret) -> None:
    outbox = Outbox.open(Delivery(database=database_url))
    with pytest.raises(OutboxError):
        migrate(outbox.database, (*MIGRATIONS, add_a_column, break_down))
    assert version(outbox.database) == len(MIGRATIONS)
    migrate(outbox.database, (*MIGRATIONS, add_a_column))
    outbox.close()


@pytest.mark.parametrize("database_url", ["mysql"], indirect=True)
def test_where_a_change_of_a_table_cannot_be_undone_the_next_attempt_goes_on(database_url: Secret) -> None:
    outbox = Outbox.open(Delivery(database=database_url))
    with pytest.raises(OutboxError, match="tables are not there"):
        migrate(outbox.database, (*MIGRATIONS, add_a_column, break_down))
    assert version(outbox.database) == len(MIGRATIONS) + 1
    with outbox.database.transaction() as transaction:
        transaction.change("CREATE TABLE learnrelay_nothing (key BIGINT)")
    assert migrate(outbox.database, (*MIGRATIONS, add_a_column, break_down)) == len(MIGRATIONS) + 2
    with outbox.database.transaction() as transaction:
        transaction.execute("SELECT colour, shape FROM learnrelay_statement")
        transaction.execute("SELECT shape FROM learnrelay_nothing")
    outbox.close()


@pytest.mark.parametrize("database_url", ["mysql"], indirect=True)
def test_a_store_that_was_half_made_is_completed(database_url: Secret) -> None:
    outbox = Outbox.open(Delivery(database=database_url))
    with outbox.database.transaction() as transaction:
        transaction.change("DROP TABLE learnrelay_spool")
        transaction.change("DELETE FROM learnrelay_schema WHERE version > 0")
    outbox.close()
    outbox = Outbox.open(Delivery(database=database_url))
    assert version(outbox.database) == len(MIGRATIONS)
    assert outbox.take_in() == {}
    outbox.close()


def test_to_open_waits_for_another_process_that_writes(tmp_path: Path) -> None:
    """SQLite itself refuses to set the journal mode then, without waiting."""
    path = tmp_path / "outbox.db"
    other = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    other.execute("BEGIN IMMEDIATE")
    other.execute("CREATE TABLE other (x)")
    committing = threading.Timer(0.5, other.execute, ["COMMIT"])
    committing.start()
    Outbox.open(Delivery(database=Secret(f"sqlite:///{path}"))).close()
    committing.join()
    other.close()


def test_many_processes_may_start_at_once(database_url: Secret) -> None:
    with ThreadPoolExecutor(8) as pool:
        outboxes = list(pool.map(lambda _: Outbox.open(Delivery(database=database_url)), range(8)))
    for outbox in outboxes:
        outbox.close()


def test_to_make_the_tables_waits_for_the_process_that_makes_them_whatever_a_request_may_wait(tmp_path: Path) -> None:
    database = Database(Secret(f"sqlite:///{tmp_path}/outbox.db"), lock_timeout=5.0)
    database.create()
    entered, ended = threading.Event(), threading.Event()

    def take_long(transaction: Transaction, postgres: bool) -> None:
        MIGRATIONS[0](transaction, postgres)
        entered.set()
        ended.wait(10.0)

    migrating = threading.Thread(target=migrate, args=(database, (take_long, *MIGRATIONS[1:])))
    migrating.start()
    assert entered.wait(10.0)
    threading.Timer(1.0, ended.set).start()
    Outbox.open(Delivery(database=Secret(f"sqlite:///{tmp_path}/outbox.db"), wait=0.1)).close()
    migrating.join()
    database.close()


def test_processes_with_little_patience_make_one_file_together(tmp_path: Path) -> None:
    start, begin = os.pipe()
    children = []
    for number in range(12):
        if (child := os.fork()) == 0:
            code = 1
            try:
                os.close(begin)
                os.read(start, 1)  # the end of the pipe, for all of them at once
                outbox = Outbox.open(Delivery(database=Secret(f"sqlite:///{tmp_path}/outbox.db"), wait=0.02))
                outbox.close()
                code = 0
            except BaseException as error:
                (tmp_path / f"error{number}").write_text(repr(error), "utf-8")
            finally:
                os._exit(code)
        children.append(child)
    os.close(start)
    os.close(begin)
    codes = [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]
    assert codes == [0] * len(children), [path.read_text("utf-8") for path in tmp_path.glob("error*")]
