"""Dead letters, retention, and forgetting a learner."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from learnrelay.delivery import Outbox, Parcel, Selection
from learnrelay.delivery.queue import Dead

from .conftest import TurnedClock, parcels

OpenOutbox = Callable[..., Outbox]


def bury(outbox: Outbox, destination: str, reason: str, number: int) -> None:
    queue = outbox.queue(destination)
    claim = queue.claim(number)
    queue.settle(claim, [Dead(row, reason) for row in claim.rows])


@pytest.fixture
def outbox(open_outbox: OpenOutbox, clock: TurnedClock) -> Outbox:
    """Six dead letters: s1, s2 (problem.shown, critical) and s3 at a; s1 to s3 at b, an hour later. s4 waits."""
    outbox = open_outbox(clock, retention=86400.0)
    at = datetime(2026, 11, 2, 8, tzinfo=UTC)
    one, two, three, four = (replace(parcel, event_time=at) for parcel in parcels(1, 4, "a", "b"))
    outbox.put([one, replace(two, event_name="problem.shown", critical=True), three, four])
    bury(outbox, "a", "422 verb 100% unknown", 3)
    clock.now += 3600
    bury(outbox, "b", "409 conflict", 3)
    return outbox


@pytest.mark.parametrize(
    ("selection", "found"),
    [
        (Selection(), "a1 a2 a3 b1 b2 b3"),
        (Selection(destination="a"), "a1 a2 a3"),
        (Selection(event_name="problem.shown"), "a2 b2"),
        (Selection(reason="100% UNK"), "a1 a2 a3"),
        (Selection(reason="4_9"), ""),
        (Selection(older_than=3600), "a1 a2 a3"),
        (Selection(statement_id="s3", destination="b"), "b3"),
        (Selection(uncritical=True, destination="b"), "b1 b3"),
    ],
)
def test_selections(outbox: Outbox, selection: Selection, found: str) -> None:
    letters = outbox.dead_letters
    listed = letters.list(selection)
    assert " ".join(letter.destination + letter.statement_id[1:] for letter in listed) == found
    assert letters.count(selection) == len(listed)
    assert letters.list(selection, limit=1) == listed[:1]

    assert letters.drop(selection) == len(listed)
    assert letters.count() == 6 - len(listed)
    status = outbox.status()
    assert sum(s.dropped for s in status.values()) == len(listed)
    assert all(s.accepted == s.waiting + s.delivered + s.dead + s.dropped for s in status.values())


def test_show_and_retry(outbox: Outbox, clock: TurnedClock) -> None:
    letters = outbox.dead_letters
    (letter,) = letters.list(Selection(destination="a", event_name="problem.shown"))
    assert (letter.standard, letter.statement_id, letter.critical, letter.attempts) == ("plain", "s2", True, 1)
    assert letter.event_time == datetime(2026, 11, 2, 8, tzinfo=UTC)
    assert letter.since.timestamp() == clock.now - 3600 and letter.reason == "422 verb 100% unknown"
    assert letters.payload("s2") == b'{"id":"s2"}' and letters.payload("s4") is None

    assert letters.retry(Selection(destination="a")) == 3
    assert letters.count(Selection(destination="a")) == 0
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
    outbox.put(parcels(1, 1700, "a"))
    bury(outbox, "a", "400", 1700)
    assert outbox.dead_letters.retry(Selection()) == 1700
    assert outbox.status()["a"].waiting == 1700


def test_forgets_a_learner_everywhere_and_nobody_else(open_outbox: OpenOutbox) -> None:
    outbox = open_outbox()
    payloads = {
        "account": '{"actor":{"account":{"name":"f00-ba7"}}}',
        "mbox": '{"actor":{"mbox":"mailto:f00-ba7@example.org"}}',
        "iri": '{"actor":{"id":"https://lms.example.org/user/f00-ba7/"}}',
        "longer": '{"actor":{"account":{"name":"f00-ba7-1"}}}',
        "other": '{"actor":{"account":{"name":"af00-ba7"}}}',
    }
    outbox.put(
        [
            Parcel("plain", name, "video.played", payload.encode(), ("a", "b") if name != "iri" else ("a",))
            for name, payload in payloads.items()
        ]
    )
    bury(outbox, "b", "400", 1)
    assert outbox.forget("f00-ba7") == 3
    assert outbox.forget("f00-ba7") == 0
    assert outbox.forget("") == 0
    left = [row.payload.decode() for row in outbox.queue("a").claim(9).rows]
    assert left == [payloads["longer"], payloads["other"]]
    a, b = outbox.status().values()
    assert (a.waiting, a.dropped, a.accepted) == (2, 3, 5)
    assert (b.waiting, b.dead, b.dropped, b.accepted) == (2, 0, 2, 4)


def test_forgets_what_needs_escapes_in_json(open_outbox: OpenOutbox) -> None:
    outbox = open_outbox()
    outbox.put([Parcel("plain", "s1", "x", b'{"name":"a\\"b (c)"}', ("a",))])
    assert outbox.forget('a"b (c') == 0 or outbox.status()["a"].waiting == 0
    assert outbox.status()["a"].waiting == 0
