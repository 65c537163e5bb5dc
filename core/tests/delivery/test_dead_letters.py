"""Dead letters, retention, and forgetting a learner."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from random import Random

import pytest

from learnrelay.outbox import DeadLetterFilter, Outbox, OutgoingStatement
from learnrelay.outbox.erasure import (
    LearnerSearch,
    delete_statements,
    identity_periods,
    record_identity,
    stored_standards,
)
from learnrelay.outbox.queue import Acknowledged, DeadLettered

from .conftest import TurnedClock, statements

OpenOutbox = Callable[..., Outbox]


def dead_letter(outbox: Outbox, destination: str, reason: str, number: int) -> None:
    queue = outbox.queue(destination)
    claim = queue.claim(number)
    queue.settle(claim, [DeadLettered(row, reason) for row in claim.rows])


@pytest.fixture
def outbox(open_outbox: OpenOutbox, clock: TurnedClock) -> Outbox:
    """Returns six dead letters: s1, s2 (problem.shown, critical), s3 at a; s1 to s3 at b, an hour later. s4 waits."""
    outbox = open_outbox(clock, retention=86400.0)
    at = datetime(2026, 11, 2, 8, tzinfo=UTC)
    first, second, *others = (statement._replace(event_time=at) for statement in statements(1, 4, "a", "b"))
    outbox.put([first, second._replace(event_name="problem.shown", critical=True), *others])
    dead_letter(outbox, "a", "422 verb 100% unknown", 3)
    clock.now += 3600
    dead_letter(outbox, "b", "409 conflict", 3)
    return outbox


@pytest.mark.parametrize(
    ("criteria", "expected"),
    [
        (DeadLetterFilter(), "a1 a2 a3 b1 b2 b3"),
        (DeadLetterFilter(destination="a"), "a1 a2 a3"),
        (DeadLetterFilter(event_name="problem.shown"), "a2 b2"),
        (DeadLetterFilter(reason="100% UNK"), "a1 a2 a3"),
        (DeadLetterFilter(reason="4_9"), ""),
        (DeadLetterFilter(older_than=3600), "a1 a2 a3"),
        (DeadLetterFilter(statement_id="s3", destination="b"), "b3"),
        (DeadLetterFilter(uncritical=True, destination="b"), "b1 b3"),
        (DeadLetterFilter(standard="plain", cause="409 conflict"), "b1 b2 b3"),
        (DeadLetterFilter(standard="other"), ""),
        (DeadLetterFilter(cause="409"), ""),
    ],
)
def test_filters(outbox: Outbox, criteria: DeadLetterFilter, expected: str) -> None:
    letters = outbox.dead_letters
    listed = letters.list(criteria)
    assert " ".join(letter.destination + letter.statement_id[1:] for letter in listed) == expected
    assert letters.count(criteria) == len(listed)
    assert letters.list(criteria, limit=1) == listed[:1]

    assert letters.drop(criteria) == len(listed)
    assert letters.count() == 6 - len(listed)
    status = outbox.status()
    assert sum(s.dropped for s in status.values()) == len(listed)
    assert all(s.accepted == s.waiting + s.delivered + s.dead + s.dropped for s in status.values())


def test_groups(open_outbox: OpenOutbox, clock: TurnedClock) -> None:
    outbox = open_outbox(clock)
    outbox.put(statements(1, 7, "a"))
    outbox.put([statement._replace(event_name="other") for statement in statements(8, 9, "a", "b")])
    for number, reason in (
        (1, "HTTP 400: x: 1"), (2, "HTTP 400: x: 2"), (1, "HTTP 400"), (1, "http 400"), (1, "HTTP 4001"),
        (1, "HTTP 400 : x"), (2, "HTTP 400: é%_!"),
    ):  # fmt: skip
        clock.now += 1
        dead_letter(outbox, "a", reason, number)
    claim = outbox.queue("b").claim(2)
    outbox.queue("b").settle(claim, [DeadLettered(row, "HTTP 409", conflict=True) for row in claim.rows])
    letters = outbox.dead_letters
    groups = letters.list_groups()
    described = [(g.destination, g.event_name, g.conflict, g.cause, g.number, g.text, g.texts) for g in groups]
    assert sorted(described) == sorted([
        ("a", "video.played", False, "HTTP 400", 4, "x: 2", 3), ("a", "video.played", False, "http 400", 1, "", 1),
        ("a", "video.played", False, "HTTP 4001", 1, "", 1), ("a", "video.played", False, "HTTP 400 ", 1, "x", 1),
        ("a", "other", False, "HTTP 400", 2, "é%_!", 1), ("b", "other", True, "HTTP 409", 2, "", 1),
    ])  # fmt: skip
    assert (groups[0].number, groups[0].since) == (4, datetime.fromtimestamp(clock.now - 6, UTC)), "the largest first"
    assert len({group.key for group in groups}) == 6
    for group in groups:
        assert letters.find_group(group.key) == group
        assert letters.count(group.criteria()) == group.number
        assert {letter.cause for letter in letters.list(group.criteria())} == {group.cause}
    pages = [letters.list(DeadLetterFilter(destination="a"), 4, offset) for offset in (0, 4, 8, 12)]
    assert [len(page) for page in pages] == [4, 4, 1, 0] and len({letter for page in pages for letter in page}) == 9
    assert letters.retry(groups[0].criteria()) == 4 and letters.find_group(groups[0].key) is None
    assert letters.count() == 7 and outbox.count_delivered() == {"a": 0, "b": 0}


def test_show_and_retry(outbox: Outbox, clock: TurnedClock) -> None:
    letters = outbox.dead_letters
    (letter,) = letters.list(DeadLetterFilter(destination="a", event_name="problem.shown"))
    assert (letter.standard, letter.statement_id, letter.critical, letter.attempts) == ("plain", "s2", True, 1)
    assert letter.event_time == datetime(2026, 11, 2, 8, tzinfo=UTC)
    assert letter.since.timestamp() == clock.now - 3600 and letter.reason == "422 verb 100% unknown"
    assert letters.payload("s2") == b'{"id":"s2"}' and letters.payload("s4") is None

    assert letters.retry(DeadLetterFilter(destination="a")) == 3
    assert letters.count(DeadLetterFilter(destination="a")) == 0
    again = outbox.queue("a").claim(9).rows
    assert [row.payload for row in again] == [b'{"id":"s%d"}' % n for n in (1, 2, 3, 4)]
    assert [row.attempts for row in again] == [0, 0, 0, 0]
    status = outbox.status()["a"]
    assert (status.waiting, status.dead, status.accepted) == (4, 0, 4)


def test_retention_never_drops_what_is_critical_or_waits(outbox: Outbox, clock: TurnedClock) -> None:
    assert outbox.dead_letters.expire() == 0
    clock.now += 86400 - 3600
    assert outbox.dead_letters.expire() == 2
    clock.now += 10 * 86400
    assert outbox.dead_letters.expire() == 2
    assert [letter.statement_id for letter in outbox.dead_letters.list()] == ["s2", "s2"]
    assert outbox.status()["a"].waiting == 1


def test_many_are_handled(open_outbox: OpenOutbox) -> None:
    outbox = open_outbox()
    outbox.put(statements(1, 1700, "a"))
    dead_letter(outbox, "a", "400", 1700)
    assert outbox.dead_letters.retry(DeadLetterFilter()) == 1700
    assert outbox.status()["a"].waiting == 1700


def forget(outbox: Outbox, *names: str) -> int:
    search = LearnerSearch({"plain": lambda statement: [statement["who"]]}, {"plain": names})
    search.run(outbox)
    return delete_statements(outbox, search.keys)


def test_forgets_a_learner_everywhere_and_nobody_else(open_outbox: OpenOutbox) -> None:
    outbox = open_outbox()
    payloads = {
        "of 42": b'{"who":"42"}',
        "also": b'{"at":7,"who":"42"}',
        "at second 42": b'{"who":"43","at":42,"answer":"42","page":"https://lms.example.org/user/42"}',
        "longer": b'{"who":"421"}',
        "escaped": b'{"who":"a\\"b"}',
    }
    outbox.put(
        [
            OutgoingStatement("plain", name, "video.played", payload, ("a", "b") if name != "also" else ("a",))
            for name, payload in payloads.items()
        ]
    )
    dead_letter(outbox, "b", "400", 1)
    assert forget(outbox, "42") == 2
    assert forget(outbox, "42", "at", "") == 0
    assert forget(outbox, 'a"b') == 1
    left = [row.payload for row in outbox.queue("a").claim(9).rows]
    assert left == [payloads["at second 42"], payloads["longer"]]
    a, b = outbox.status().values()
    assert (a.waiting, a.dropped, a.accepted) == (2, 3, 5)
    assert (b.waiting, b.dead, b.dropped, b.accepted) == (2, 0, 2, 4)


def test_counts_what_cannot_be_searched(open_outbox: OpenOutbox) -> None:
    outbox = open_outbox()
    outbox.put([OutgoingStatement("gone", "s1", "x", b'{"who":"42"}', ("a",))])
    outbox.put([OutgoingStatement("plain", "s2", "x", b"{}", ("a",))])
    search = LearnerSearch({"plain": lambda statement: [statement["who"]]}, {"plain": ["42"]})
    search.run(outbox)
    assert (search.keys, search.unreadable) == ([], {"gone": 1, "plain": 1})
    assert stored_standards(outbox) == ["gone", "plain"]


def test_what_is_left_of_each_identity(open_outbox: OpenOutbox, clock: TurnedClock) -> None:
    outbox = open_outbox(clock)

    def put(name: str) -> None:
        outbox.put([OutgoingStatement("plain", name, "x", b"{}", ("a",))])

    put("before")
    for identity in ("keyed:1", "keyed:1", "keyed:2", "keyed:3", "keyed:1"):
        clock.now += 60
        record_identity(outbox, identity)
        if identity != "keyed:2":
            put(str(clock.now))
    left = [(period.identity, period.statements) for period in identity_periods(outbox)]
    assert left == [("", 1), ("keyed:1", 2), ("keyed:3", 1), ("keyed:1", 1)]


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_what_was_deleted_cannot_be_read_in_the_file(open_outbox: OpenOutbox, tmp_path: Path) -> None:
    outbox = open_outbox(wait=1.0)
    secret, others = b"hush-hush " * 150, b"stays " * 900
    outbox.put([OutgoingStatement("plain", f"s{n}", "x", secret, ("a",)) for n in range(3_000)])
    outbox.put([OutgoingStatement("plain", f"o{n}", "x", others, ("a",)) for n in range(50)])
    queue = outbox.queue("a")
    for _ in range(2):
        claim = queue.claim(1_500)
        queue.settle(claim, [Acknowledged(claim.rows)])

    def readable() -> set[str]:
        return {file.name for file in tmp_path.glob("outbox.db*") if b"hush-hush" in file.read_bytes()}

    assert readable(), "else this proves nothing"
    size = sum(file.stat().st_size for file in tmp_path.glob("outbox.db"))
    assert outbox.database.erase_free_space() == ""
    assert readable() == set()
    assert (tmp_path / "outbox.db").stat().st_size < size * 1.2
    assert len(outbox.queue("a").claim(99).rows) == 50
    with sqlite3.connect(tmp_path / "outbox.db") as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT COUNT(*) FROM learnrelay_statement").fetchall()
        outbox.put([OutgoingStatement("plain", "new", "x", secret, ("a",))])
        assert "outbox.db-wal; run it again" in outbox.database.erase_free_space(), "a reader needs the WAL"


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_what_was_forgotten_among_others_cannot_be_read_in_the_file(open_outbox: OpenOutbox, tmp_path: Path) -> None:
    """Of a page that is used again in part, the rest is overwritten as well."""
    outbox = open_outbox()
    numbers = Random(815)
    for round_number in range(5):
        contents = [(b"stays" if n % 9 else b"hush-hush") * numbers.choice([1, 60, 170, 300, 900]) for n in range(150)]
        outbox.put(
            OutgoingStatement("plain", f"{round_number}-{n}", "x", content, ("a",))
            for n, content in enumerate(contents)
        )
        with outbox.database.transaction(write=False) as transaction:
            rows = transaction.execute("SELECT key, payload FROM learnrelay_statement")
        delete_statements(outbox, [key for key, payload in rows if payload.startswith(b"hush-hush")])
        outbox.database.erase_free_space()
        left = [file.name for file in tmp_path.glob("outbox.db*") if b"hush-hush" in file.read_bytes()]
        assert not left, round_number


@pytest.mark.parametrize(
    ("database_url", "cure"), [("postgres", "VACUUM FULL"), ("mysql", "OPTIMIZE TABLE")], indirect=["database_url"]
)
def test_a_server_says_what_remains(open_outbox: OpenOutbox, cure: str) -> None:
    outbox = open_outbox()
    outbox.put(statements(1, 3, "a"))
    assert f"{cure} learnrelay_statement" in outbox.database.erase_free_space()
    outbox.put(statements(4, 5, "a"))
    assert outbox.status()["a"].waiting == 5
