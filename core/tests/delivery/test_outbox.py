"""The outbox alone: what is put is there, once, or nothing of it is."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from random import Random

import pytest
from sqlalchemy import event

from learnrelay.config.models import Delivery
from learnrelay.config.secrets import Secret
from learnrelay.errors import OutboxError, OutboxFullError
from learnrelay.outbox import Outbox, OutgoingStatement
from learnrelay.outbox.database import Database
from learnrelay.outbox.queue import Acknowledged, ClaimedDelivery, DeadLettered, Released, RetryLater

from .conftest import TurnedClock, statements

OpenOutbox = Callable[..., Outbox]


def keys(rows: tuple[ClaimedDelivery, ...]) -> list[bytes]:
    return [row.payload for row in rows]


def stored_payloads(outbox: Outbox) -> int:
    with outbox.database.transaction(write=False) as transaction:
        return int(transaction.execute("SELECT COUNT(*) FROM learnrelay_statement")[0][0])


def test_one_payload_for_all_destinations_and_it_goes_with_the_last(open_outbox: OpenOutbox) -> None:
    outbox = open_outbox()
    outbox.put(statements(1, 3, "a", "b"))
    outbox.put(statements(2, 4, "b", "c"))  # 2 and 3 wait for b already; c is new to them
    assert stored_payloads(outbox) == 4
    status = outbox.status()
    assert (status["a"].accepted, status["b"].accepted, status["c"].accepted) == (3, 4, 3)
    assert (status["a"].duplicates, status["b"].duplicates) == (0, 2)

    for name, left in (("a", 4), ("c", 4), ("b", 0)):
        queue = outbox.queue(name)
        claim = queue.claim(10)
        queue.settle(claim, [Acknowledged(claim.rows)])
        assert stored_payloads(outbox) == left
    assert {s.delivered for s in outbox.status().values()} == {3, 4}


def test_the_same_id_with_another_content_reaches_who_it_is_for(open_outbox: OpenOutbox) -> None:
    """Destinations with pseudonyms of their own get payloads of their own: never another one's."""
    outbox = open_outbox()
    at = datetime(2026, 11, 2, 8, 30, tzinfo=UTC)
    ours, theirs = (
        OutgoingStatement("plain", "s1", "x", text, (name,), event_time=at) for name, text in (("a", b"1"), ("b", b"2"))
    )
    outbox.put([ours, theirs])
    outbox.put([theirs._replace(payload=b"3")])  # as it is made after an upgrade; the old one waits already
    assert stored_payloads(outbox) == 2
    assert keys(outbox.queue("a").claim(9).rows) == [b"1"] and keys(outbox.queue("b").claim(9).rows) == [b"2"]
    assert (outbox.status()["b"].accepted, outbox.status()["b"].duplicates) == (1, 1)


def test_what_is_put_at_once_is_what_is_put_one_by_one(tmp_path: Path) -> None:
    """Ids, contents, standards and destinations in any mixture: repeated, waiting already, or dead."""
    random = Random(4)
    for round_number in range(6):
        at_once, one_by_one = (
            Outbox.open(Delivery(database=Secret(f"sqlite:///{tmp_path}/{name}{round_number}.db")), TurnedClock())
            for name in ("at_once", "one_by_one")
        )
        ids, contents = random.choice((20, 500)), random.choice((1, 2))
        names = random.choice(((("a",),), (("a", "b"),), (("a",), ("b",), ("a", "b"))))
        standards = random.choice((("plain",), ("plain", "other")))
        for _ in range(4):
            mixed = [
                OutgoingStatement(
                    random.choice(standards), f"s{random.randrange(ids)}", "x",
                    b"%d" % random.randrange(contents), random.choice(names),
                )
                for _ in range(random.choice((5, 30)))
            ]  # fmt: skip
            accepted = at_once.put(mixed)
            assert accepted == sum(one_by_one.put([statement]) for statement in mixed)
            assert stored_rows(at_once) == stored_rows(one_by_one)
            for outbox in (at_once, one_by_one):
                queue = outbox.queue("a")
                claim = queue.claim(9)
                queue.settle(
                    claim, [Acknowledged(claim.rows[:5]), *(DeadLettered(row, "no") for row in claim.rows[5:])]
                )
        assert [(s.accepted, s.waiting, s.duplicates, s.dead) for s in at_once.status().values()] == [
            (s.accepted, s.waiting, s.duplicates, s.dead) for s in one_by_one.status().values()
        ]


def stored_rows(outbox: Outbox) -> list[tuple[object, ...]]:
    """Lists the deliveries and dead letters with their statements, and the statements that have neither."""
    with outbox.database.transaction(write=False) as transaction:
        return sorted(
            tuple(map(str, row))
            for row in transaction.execute(
                """SELECT s.standard, s.statement_id, s.payload, d.destination, l.destination
                FROM learnrelay_statement AS s LEFT JOIN learnrelay_delivery AS d ON d.key = s.key
                LEFT JOIN learnrelay_dead_letter AS l ON l.key = s.key"""
            )
        )


def test_claims_are_apart_oldest_first_and_free_again_after_one_lease(
    open_outbox: OpenOutbox, clock: TurnedClock
) -> None:
    outbox = open_outbox(clock, lease=60)
    outbox.put(statements(1, 5, "a"))
    queue, other = outbox.queue("a"), open_outbox(clock, lease=60).queue("a")
    first, second = queue.claim(3), other.claim(3)
    assert keys(first.rows) == [b'{"id":"s1"}', b'{"id":"s2"}', b'{"id":"s3"}']
    assert keys(second.rows) == [b'{"id":"s4"}', b'{"id":"s5"}']
    assert not queue.claim(3).rows

    clock.now += 40
    queue.renew_lease(first.token)
    clock.now += 40  # the second claim's worker was killed; the first one's lives
    again = queue.claim(9)
    assert again.rows == second.rows
    other.settle(second, [Acknowledged(second.rows)])  # it was only slow: the claim is lost, nothing changes
    assert outbox.status()["a"].waiting == 5
    queue.settle(again, [Acknowledged(again.rows)])
    queue.settle(first, [Released(first.rows)])
    assert queue.claim(9).rows == first.rows


def test_counters_add_up_and_survive(open_outbox: OpenOutbox, clock: TurnedClock) -> None:
    outbox = open_outbox(clock)
    outbox.put(statements(1, 10, "a"))
    queue = outbox.queue("a")
    claim = queue.claim(5)
    rows = claim.rows
    clock.now += 7
    queue.settle(
        claim,
        [
            Acknowledged(rows[:2]),
            DeadLettered(rows[2], "422 unknown verb"),
            RetryLater(rows[3], clock.now + 30, "500"),
            Released(rows[4:]),
        ],
    )
    outbox.put(statements(3, 3, "a"))  # given up before: not a second delivery
    outbox.close()
    status = open_outbox(clock).status(["a", "never"])
    assert status["never"].accepted == 0
    a = status["a"]
    assert (a.waiting, a.due, a.leased, a.delivered, a.dead, a.retried, a.duplicates) == (7, 6, 0, 2, 1, 2, 1)
    assert a.accepted == a.waiting + a.delivered + a.dead + a.dropped == 10
    assert a.oldest_age == 7


def test_full_blocks_then_raises_and_room_wakes(open_outbox: OpenOutbox) -> None:
    outbox = open_outbox(limit=4, wait=0.2)
    outbox.put(statements(1, 2, "a", "b"))
    with pytest.raises(OutboxFullError, match=r"4 deliveries wait \(delivery.limit\)"):
        outbox.put(statements(3, 3, "a"))
    assert outbox.status()["a"].accepted == 2

    patient = open_outbox(limit=4, wait=300)
    queue = patient.queue("a")
    claim = queue.claim(1)
    putting = threading.Thread(target=patient.put, args=(statements(3, 3, "a"),))
    putting.start()
    queue.settle(claim, [Acknowledged(claim.rows)])
    putting.join(60)
    assert not putting.is_alive()
    assert outbox.status()["a"].accepted == 3


def test_many_writers_at_once_stay_within_the_limit(open_outbox: OpenOutbox) -> None:
    outboxes = [open_outbox(limit=100, wait=5.0) for _ in range(8)]
    start = threading.Barrier(8)
    full = []

    def put(number: int) -> None:
        start.wait()
        for part in range(21):  # even one alone comes to the limit
            first = 1000 * number + 10 * part
            try:
                outboxes[number].put(statements(first, first + 4, "a"))
            except OutboxFullError:
                full.append(number)
                return

    writers = [threading.Thread(target=put, args=(number,)) for number in range(8)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert outboxes[0].status()["a"].waiting == 100
    assert len(full) == 8


def test_what_waits_for_a_removed_destination_is_kept_reported_and_abandoned(open_outbox: OpenOutbox) -> None:
    outbox = open_outbox(limit=1500, wait=3.0)
    outbox.put(statements(1, 700, "a", "gone"))
    claim = outbox.queue("gone").claim(3)
    outbox.queue("gone").settle(claim, [DeadLettered(row, "400") for row in claim.rows])
    status = outbox.status(["a"])
    assert status["gone"].orphaned and not status["a"].orphaned
    assert not any(s.orphaned for s in outbox.status().values()), "without the file's destinations, none is orphaned"
    with pytest.raises(OutboxFullError):
        outbox.put(statements(701, 1000, "a"))
    assert outbox.abandon("gone") == 700
    assert outbox.abandon("gone") == 0 == outbox.abandon("never")
    gone, a = outbox.status(["a"])["gone"], outbox.status(["a"])["a"]
    assert (gone.waiting, gone.dead, gone.dropped, gone.accepted, gone.orphaned) == (0, 0, 700, 700, False)
    assert a.waiting == 700 and stored_payloads(outbox) == 700
    outbox.put(statements(701, 1000, "a"))


def test_the_file_is_for_its_owner_alone(tmp_path: Path, open_outbox: OpenOutbox) -> None:
    open_outbox().put(statements(1, 1, "a"))
    for file in tmp_path.glob("outbox.db*"):
        assert file.stat().st_mode & 0o777 == 0o600


def pragma(database: Database, text: str) -> None:
    """Sets a pragma on every connection from now on."""
    database.close()
    event.listen(database._pool, "connect", lambda connection, _: connection.execute(text))


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
class TestSqliteFaults:
    """Tests faults of the file: each is an error, nothing is half-written, and the outbox works again afterwards."""

    def test_locked(self, tmp_path: Path, open_outbox: OpenOutbox) -> None:
        outbox = open_outbox(wait=0.2)
        other = sqlite3.connect(tmp_path / "outbox.db", isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(OutboxError, match="the database is locked"):
            outbox.put(statements(1, 1, "a"))
        other.execute("ROLLBACK")
        outbox.put(statements(2, 2, "a"))
        assert outbox.status()["a"].accepted == 1

    def test_disk_full(self, open_outbox: OpenOutbox) -> None:
        outbox = open_outbox()
        outbox.put(statements(1, 1, "a"))
        pragma(outbox.database, "PRAGMA max_page_count = 30")
        with pytest.raises(OutboxError, match="the disk is full"):
            outbox.put(statements(2, 5000, "a", "b"))
        assert outbox.status()["a"].accepted == 1 and stored_payloads(outbox) == 1
        assert "b" not in outbox.status()
        pragma(outbox.database, "PRAGMA max_page_count = 100000")
        outbox.put(statements(2, 5000, "a"))
        assert outbox.status()["a"].waiting == 5000

    def test_read_only(self, open_outbox: OpenOutbox) -> None:
        outbox = open_outbox()
        pragma(outbox.database, "PRAGMA query_only = ON")
        with pytest.raises(OutboxError, match="the database is read-only"):
            outbox.put(statements(1, 1, "a"))

    def test_gone_and_back(self, tmp_path: Path, open_outbox: OpenOutbox) -> None:
        outbox = open_outbox()
        outbox.put(statements(1, 1, "a"))
        (tmp_path / "outbox.db").rename(tmp_path / "elsewhere.db")
        with pytest.raises(OutboxError, match="the database file is gone"):
            outbox.put(statements(2, 2, "a"))
        (tmp_path / "elsewhere.db").rename(tmp_path / "outbox.db")
        outbox.put(statements(3, 3, "a"))
        assert keys(outbox.queue("a").claim(9).rows) == [b'{"id":"s1"}', b'{"id":"s3"}']

    def test_damaged(self, tmp_path: Path, open_outbox: OpenOutbox) -> None:
        (tmp_path / "outbox.db").write_bytes(b"this is a text, and none of its words may show" * 100)
        with pytest.raises(OutboxError, match="not an SQLite database") as caught:
            open_outbox()
        assert "words" not in str(caught.value)


FILL = """
import resource, signal, sys
from learnrelay.config.models import Delivery
from learnrelay.outbox import Outbox, OutgoingStatement
from learnrelay.errors import OutboxError
from learnrelay.config.secrets import Secret
outbox = Outbox.open(Delivery(database=Secret(sys.argv[1]), wait=0.1))
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]), -1))
put = 0
try:
    while put < 100_000:
        numbers = range(put, put + 10)
        outbox.put([OutgoingStatement("plain", f"s{n}", "x", b'{"id":"s%d"}' % n, ("a", "b")) for n in numbers])
        put += 10
except OutboxError as error:
    print(put, error)
"""


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_where_no_byte_more_can_be_written_what_was_taken_is_whole(
    database_url: Secret, open_outbox: OpenOutbox
) -> None:
    """A limit of the operating system, as a full disk or a quota is one, in the middle of a transaction."""
    done = subprocess.run(
        [sys.executable, "-c", FILL, database_url.reveal(), "3000000"], capture_output=True, text=True, check=True
    )
    put, _, words = done.stdout.partition(" ")
    assert "the disk fails" in words or "the disk is full" in words
    outbox = open_outbox()
    status = outbox.status()
    assert status["a"].waiting == status["b"].waiting == stored_payloads(outbox) == int(put) > 100
    with outbox.database.transaction() as transaction:
        assert transaction.execute("PRAGMA integrity_check") == [("ok",)]
    outbox.put(statements(int(put), int(put) + 99, "a"))


@pytest.mark.parametrize("database_url", ["postgres"], indirect=True)
class TestPostgresFaults:
    """Tests faults of PostgreSQL."""

    def test_locked(self, open_outbox: OpenOutbox) -> None:
        outbox, other = open_outbox(wait=0.3), open_outbox()
        with other.database.transaction() as transaction:
            transaction.change("LOCK TABLE learnrelay_statement IN ACCESS EXCLUSIVE MODE")
            with pytest.raises(OutboxError, match="the database is locked"):
                outbox.put(statements(1, 1, "a"))
        outbox.put(statements(2, 2, "a"))
        assert outbox.status()["a"].accepted == 1

    def test_read_only(self, open_outbox: OpenOutbox) -> None:
        outbox = open_outbox()
        with (
            pytest.raises(OutboxError, match="the database is read-only"),
            outbox.database.transaction() as transaction,
        ):
            transaction.change("SET TRANSACTION READ ONLY")
            transaction.change("DELETE FROM learnrelay_statement")
        outbox.put(statements(1, 1, "a"))

    def test_gone_in_the_middle(self, open_outbox: OpenOutbox) -> None:
        outbox, other = open_outbox(), open_outbox()
        outbox.put(statements(1, 1, "a"))
        gone = pytest.raises(OutboxError, match=r"ended the connection|does not answer|is lost")
        with gone, outbox.database.transaction() as transaction:
            ((backend,),) = transaction.execute("SELECT pg_backend_pid()")
            transaction.change("DELETE FROM learnrelay_delivery")
            with other.database.transaction() as another:
                another.execute("SELECT pg_terminate_backend(:backend)", backend=backend)
            transaction.change("DELETE FROM learnrelay_statement")
        outbox.put(statements(2, 2, "a"))
        assert outbox.status()["a"].waiting == stored_payloads(outbox) == 2


def test_a_forked_child_has_connections_of_its_own(open_outbox: OpenOutbox) -> None:
    outbox = open_outbox()
    outbox.put(statements(1, 1, "a"))
    child = os.fork()
    if child == 0:
        try:
            outbox.put(statements(2, 2, "a"))
            os._exit(0)
        finally:
            os._exit(1)
    outbox.put(statements(3, 3, "a"))
    assert os.waitpid(child, 0)[1] == 0
    assert outbox.status()["a"].waiting == 3


def test_many_workers_share_a_queue_without_sharing_a_statement(open_outbox: OpenOutbox) -> None:
    outbox = open_outbox()
    everything = [statement.payload for statement in statements(1, 600, "a")]
    got: list[bytes] = []
    start = threading.Barrier(9)

    def work(name: str) -> None:
        queue = outbox.queue(name)
        start.wait()
        while rows := (claim := queue.claim(7)).rows:
            queue.settle(claim, [Acknowledged(rows)])
            got.extend(keys(rows))

    def emit() -> None:
        start.wait()
        outbox.put(statements(300, 450, "a", "b"))  # while the same statements are being acknowledged

    outbox.put(statements(1, 600, "a", "b"))
    threads = [threading.Thread(target=work, args=(name,)) for name in "abababab"] + [threading.Thread(target=emit)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    work_left = outbox.status()
    for name, status in work_left.items():
        queue = outbox.queue(name)
        claim = queue.claim(1000)
        if claim.rows:
            queue.settle(claim, [Acknowledged(claim.rows)])
        assert status.accepted + status.duplicates == 751
    assert set(got) == set(everything)
    assert sum(s.delivered for s in work_left.values()) == len(got)
    assert stored_payloads(outbox) == 0


@pytest.mark.parametrize("database_url", ["postgres"], indirect=True)
def test_postgres_may_cut_the_connections(database_url: Secret, open_outbox: OpenOutbox) -> None:
    outbox = open_outbox()
    outbox.put(statements(1, 1, "a"))
    with outbox.database.transaction() as transaction:
        ((backend,),) = transaction.execute("SELECT pg_backend_pid()")
    with open_outbox().database.transaction() as transaction:
        transaction.execute("SELECT pg_terminate_backend(:backend)", backend=backend)
    outbox.put(statements(2, 2, "a"))
    assert outbox.status()["a"].waiting == 2


def test_an_unreachable_server_is_an_error_without_the_password() -> None:
    with pytest.raises(OutboxError, match="the database server does not answer") as caught:
        Outbox.open(Delivery(database=Secret("postgresql+psycopg://relay:kept-quiet@127.0.0.1:1/test")))
    assert "kept-quiet" not in str(caught.value)


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("oracle://relay:kept-quiet@db/x", "none of sqlite, postgresql, mysql"),
        ("sqlite://", "in memory would keep nothing"),
        ("kept-quiet", "not a usable URL"),
    ],
)
def test_an_unusable_url_is_an_error_without_the_password(url: str, words: str) -> None:
    with pytest.raises(OutboxError, match=words) as caught:
        Outbox.open(Delivery(database=Secret(url)))
    assert "kept-quiet" not in str(caught.value)
