"""One destination's drain against a real consumer, on a clock that the test turns."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from learnrelay.auth import Auth
from learnrelay.config.models import BatchLimits, Delivery, Retry
from learnrelay.config.secrets import Secret
from learnrelay.core_auth.constant import BasicAuth
from learnrelay.core_sinks.http_client import parse_retry_after
from learnrelay.delivery.alerts import AlertMonitor
from learnrelay.delivery.backoff import Backoff
from learnrelay.outbox import DeadLetterFilter, Outbox
from learnrelay.outbox.queue import Queue

from .conftest import Drain, TurnedClock, statements
from .consumer import Consumer

MakeDrain = Callable[..., Drain]


def ids(first: int, last: int) -> list[str]:
    return [f"s{n}" for n in range(first, last + 1)]


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@settings(
    max_examples=20,
    deadline=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(data=st.data())
@pytest.mark.slow
def test_culprits_cost_only_themselves(
    data: st.DataObject,
    tmp_path_factory: pytest.TempPathFactory,
    clock: TurnedClock,
    consumer: Consumer,
    make_drain: MakeDrain,
) -> None:
    """Wherever they are, however many, and whether the consumer says 400, 413, 500 or hangs up on them."""
    number = data.draw(st.integers(1, 60), "statements")
    good = st.none()
    bad = st.sampled_from([400, 409, 413, 422, 500, 502])
    answers = data.draw(
        st.lists(st.one_of(good, good, good, bad), min_size=number, max_size=number).filter(lambda a: None in a),
        "answers",
    )
    size = data.draw(st.integers(1, 25), "batch size")
    condemned = {f"s{n}": answer for n, answer in enumerate(answers, 1) if answer}
    consumer.__init__()  # type: ignore[misc]
    consumer.behave = lambda batch: next((condemned[i] for i in batch if i in condemned), None)
    outbox = Outbox.open(Delivery(database=Secret(f"sqlite:///{tmp_path_factory.mktemp('outbox')}/outbox.db")), clock)
    outbox.put(statements(1, number, "a"))
    drain = make_drain(
        outbox, url=consumer.url, batch=BatchLimits(size, 1.0), retry=Retry(attempts=3, backoff=2.0, ceiling=60.0)
    )
    drain.spend(600)
    # If only such statements are left, a server error may as well be an outage: the next that works tells.
    outbox.put(statements(number + 1, number + 1, "a"))
    drain.run(hours=2)
    assert set(consumer.stored) == set(ids(1, number + 1)) - set(condemned)
    status = drain.status
    given_up = status.dead + status.conflicts
    assert (status.delivered, given_up, status.waiting) == (number + 1 - len(condemned), len(condemned), 0)
    assert status.paused == ""
    outbox.close()
    consumer.stop()


def test_a_batch_with_one_refused_statement_takes_few_requests(consumer: Consumer, make_drain: MakeDrain) -> None:
    drain = make_drain()
    consumer.behave = lambda batch: (422, {}, b"unknown\nverb" + b"!" * 999) if "s42" in batch else None
    drain.outbox.put(statements(1, 100, "a"))
    assert drain.run() == 0
    assert set(consumer.stored) == set(ids(1, 100)) - {"s42"}
    assert len(consumer.requests) <= 15
    (letter,) = drain.outbox.dead_letters.list()
    assert letter.reason.startswith("HTTP 422: unknown verb!!!") and len(letter.reason) == 300


@settings(
    max_examples=40,
    deadline=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@given(
    size=st.sampled_from([16, 64, 100]),
    status=st.sampled_from([400, 409, 500, 503]),
    places=st.sets(st.integers(1, 200), min_size=1, max_size=4),
)
@pytest.mark.slow
def test_a_culprit_costs_some_logarithm_of_requests(
    size: int, status: int, places: set[int], tmp_path_factory: pytest.TempPathFactory, clock: TurnedClock,
    consumer: Consumer, make_drain: MakeDrain,
) -> None:  # fmt: skip
    consumer.__init__()  # type: ignore[misc]
    condemned = {f"s{n}" for n in places}
    consumer.behave = lambda batch: status if condemned & set(batch) else None
    outbox = Outbox.open(Delivery(database=Secret(f"sqlite:///{tmp_path_factory.mktemp('outbox')}/outbox.db")), clock)
    outbox.put(statements(1, 200, "a"))
    drain = make_drain(
        outbox, url=consumer.url, batch=BatchLimits(size, 1.0), retry=Retry(attempts=2, backoff=2.0, ceiling=60.0)
    )
    drain.run(hours=2)
    assert set(consumer.stored) == set(ids(1, 200)) - condemned
    assert (drain.status.dead + drain.status.conflicts, drain.status.waiting) == (len(condemned), 0)
    alone = sum(len(batch) == 1 for batch in consumer.requests if status >= 500)  # probes, and what stepped aside
    assert len(consumer.requests) - alone <= -(-200 // size) + len(places) * 2 * (size.bit_length() + 1)
    assert alone <= len(places) * 6 + 6
    outbox.close()
    consumer.stop()


def test_what_is_too_large_is_sent_in_batches_that_fit_from_then_on(consumer: Consumer, make_drain: MakeDrain) -> None:
    drain = make_drain(batch=BatchLimits(100, 1.0))
    consumer.behave = lambda batch: 413 if len(batch) > 30 else None
    drain.outbox.put(statements(1, 1000, "a"))
    drain.run()
    assert consumer.order == ids(1, 1000) and set(consumer.received.values()) <= {1, 2, 3, 4}
    sizes = [len(batch) for batch in consumer.requests]
    assert sizes[:3] == [100, 50, 25] and set(sizes[2:]) == {25, 50}
    assert sizes.count(50) <= 1 + 1000 // 25 // 32, "tried again now and then"

    consumer.behave = lambda batch: None
    drain.outbox.put(statements(1001, 6000, "a"))
    drain.run()
    assert len(consumer.requests[-1]) == 100, "and grows when it may"
    assert len(consumer.stored) == 6000 and drain.status.dead == 0


def test_one_statement_that_is_too_large_does_not_shrink_the_batches(consumer: Consumer, make_drain: MakeDrain) -> None:
    drain = make_drain(batch=BatchLimits(100, 1.0))
    consumer.behave = lambda batch: (413, {}, b"too much") if "s142" in batch else None
    drain.outbox.put(statements(1, 600, "a"))
    drain.run()
    assert set(consumer.stored) == set(ids(1, 600)) - {"s142"}
    (letter,) = drain.outbox.dead_letters.list()
    assert (letter.statement_id, letter.reason, letter.conflict) == ("s142", "HTTP 413: too much", False)
    assert [len(batch) for batch in consumer.requests[-3:]] >= [100, 100]
    assert len(consumer.requests) <= 6 + 2 * 7


def test_what_the_consumer_has_in_another_form_is_kept_apart_and_alarms_nobody(
    consumer: Consumer, make_drain: MakeDrain, clock: TurnedClock
) -> None:
    drain = make_drain()
    old = dict.fromkeys(["s3", "s40", "s41"], "stored in another form")
    consumer.behave = lambda batch: (409, {}, b"have it") if old.keys() & set(batch) else None
    drain.outbox.put(statements(1, 50, "a"))
    drain.run()
    assert len(consumer.stored) == 47
    status = drain.status
    assert (status.dead, status.conflicts, status.accepted) == (0, 3, 50)
    letters = drain.outbox.dead_letters
    assert letters.count(DeadLetterFilter(conflict=True)) == 3 and letters.count(DeadLetterFilter(conflict=False)) == 0
    assert {letter.reason for letter in letters.list()} == {"HTTP 409: have it"}
    AlertMonitor(drain.outbox).check()
    with drain.outbox.database.transaction() as transaction:
        assert transaction.execute("SELECT * FROM learnrelay_alert") == []

    old.clear()  # the consumer forgot the old forms
    assert letters.retry(DeadLetterFilter(conflict=True)) == 3
    drain.run()
    assert len(consumer.stored) == 50 and (drain.status.dead, drain.status.conflicts) == (0, 0)


def test_an_hour_of_outage_for_many_workers_costs_few_requests_and_nothing(
    consumer: Consumer, open_outbox: Callable[..., Outbox], make_drain: MakeDrain, clock: TurnedClock
) -> None:
    """Four workers, a consumer that takes connections and says 503, new statements every minute."""
    outbox = open_outbox(clock)
    workers = [
        make_drain(open_outbox(clock), batch=BatchLimits(50, 2.0), retry=Retry(backoff=2.0, ceiling=300.0))
        for _ in range(4)
    ]
    consumer.behave = lambda batch: 503
    put = 0
    for _ in range(60):
        outbox.put(statements(put + 1, put + 10, "a"))
        put += 10
        for _ in range(6):
            for worker in workers:
                worker.burst()
            clock.now += 10
    during = len(consumer.requests)
    assert during < 60, "one probe at a time, for all workers together"
    assert all(len(batch) == 1 for batch in consumer.requests[4:])
    consumer.behave = lambda batch: None
    started = clock.now
    while workers[0].status.waiting:
        outbox.put(statements(put + 1, put + 1, "a"))  # new ones are not starved
        put += 1
        clock.now += max(0.5, min(worker.burst().seconds for worker in workers))
        assert clock.now - started < 900
    assert sorted(consumer.stored) == sorted(ids(1, put)) and workers[0].status.dead == 0
    after = [len(batch) for batch in consumer.requests[during:]]
    assert after[0] == 1 and after[1:12] == [50] * 11
    queue = consumer.order[1:550]
    assert queue == sorted(queue, key=lambda i: int(i[1:])), "oldest first"


def test_an_outage_costs_nothing_and_ends_with_one_probe_then_full_batches_in_order(
    consumer: Consumer, make_drain: MakeDrain, clock: TurnedClock, caplog: pytest.LogCaptureFixture
) -> None:
    retry = Retry(attempts=2, backoff=2.0, ceiling=300.0)
    drain = make_drain(batch=BatchLimits(50, 2.0), retry=retry)
    consumer.stop()
    drain.outbox.put(statements(1, 500, "a"))
    drain.spend(12 * 3600)
    assert "connection refused" in drain.status.paused and not drain.status.halted
    assert max(Backoff(retry).wait(n) for n in range(1, 99)) <= 300

    consumer.start()
    assert drain.run() <= 300
    assert len(consumer.requests[0]) == 1
    assert [len(batch) for batch in consumer.requests[1:10]] == [50] * 9
    assert sorted(consumer.stored) == sorted(ids(1, 500))
    rest = [i for i in consumer.order if i != consumer.order[0]]
    assert rest == [i for i in ids(1, 500) if i != consumer.order[0]]
    assert set(consumer.received.values()) == {1}
    assert (drain.status.dead, drain.status.delivered) == (0, 500)
    messages = [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]
    assert len(messages) == 2 and "unavailable" in messages[0] and "recovered after" in messages[1]


def test_a_day_of_503_gives_nothing_up(consumer: Consumer, make_drain: MakeDrain, clock: TurnedClock) -> None:
    drain = make_drain(retry=Retry(attempts=3, backoff=2.0, ceiling=600.0))
    consumer.behave = lambda batch: 503
    drain.outbox.put(statements(1, 250, "a"))
    drain.spend(24 * 3600)
    assert len(consumer.requests) < 24 * 3600 / 200  # half of the ceiling on average, with jitter
    assert all(len(batch) == 1 for batch in consumer.requests[1:])
    consumer.behave = lambda batch: None
    drain.run()
    assert (drain.status.dead, len(consumer.stored)) == (0, 250)


@pytest.mark.parametrize(("header", "least"), [("40", 40), ("99999", 600), ("Fri, 15 Jan 2027 08:00:50 GMT", 50)])
def test_retry_after_is_kept_up_to_the_ceiling(
    header: str, least: float, consumer: Consumer, make_drain: MakeDrain, clock: TurnedClock
) -> None:
    assert clock.now == 1_800_000_000  # Fri, 15 Jan 2027 08:00:00 GMT
    drain = make_drain(retry=Retry(backoff=1.0, ceiling=600.0))
    consumer.behave = lambda batch: (429, {"Retry-After": header}, b"")
    drain.outbox.put(statements(1, 5, "a"))
    assert drain.burst().seconds == pytest.approx(least)
    clock.now += least - 1
    assert drain.burst().seconds == pytest.approx(1)
    assert len(consumer.requests) == 1
    clock.now += 1
    consumer.behave = lambda batch: None
    drain.run()
    assert set(consumer.received.values()) == {2} and len(consumer.stored) == 5


@pytest.mark.parametrize(
    "date", [f"Mon, 01 Jan {'9' * 23} 00:00:00 GMT", f"Mon, 04 Jan 2027 00:00:00 +{'9' * 20}", "soon"]
)
def test_a_date_that_is_none_asks_for_nothing(date: str) -> None:
    assert parse_retry_after(date, 1_800_000_000) == 0


def test_a_halted_destination_keeps_everything_and_is_logged_once(
    consumer: Consumer, make_drain: MakeDrain, clock: TurnedClock, caplog: pytest.LogCaptureFixture
) -> None:
    secret = Secret("kept-quiet")
    drain = make_drain(
        auth=Auth(BasicAuth, {"username": "relay", "password": secret}),
        retry=Retry(attempts=2, backoff=2.0, ceiling=100.0),
    )
    consumer.behave = lambda batch: 401
    drain.outbox.put(statements(1, 30, "a"))
    drain.spend(3600)
    assert drain.status.halted and drain.status.paused == "HTTP 401" and drain.status.waiting == 30
    consumer.behave = lambda batch: (302, {"Location": consumer.url}, b"")
    drain.spend(3600)
    consumer.behave = lambda batch: None
    drain.run()
    assert len(consumer.stored) == 30 and drain.status.dead == 0 and not drain.status.halted
    messages = [record.getMessage() for record in caplog.records if record.name == "learnrelay.delivery"]
    assert [("401" in m, "302" in m, "recovered" in m) for m in messages] == [
        (True, False, False),
        (False, True, False),
        (False, True, True),
    ]
    assert "kept-quiet" not in caplog.text and all("Authorization" in headers for headers in consumer.headers)


def test_a_tail_is_sent_after_the_interval_a_full_batch_and_a_first_statement_at_once(
    consumer: Consumer, make_drain: MakeDrain, clock: TurnedClock
) -> None:
    drain = make_drain(batch=BatchLimits(10, 2.0))
    drain.outbox.put(statements(1, 1, "a"))
    drain.burst()
    assert consumer.requests == [ids(1, 1)]
    clock.now += 0.5
    drain.outbox.put(statements(2, 4, "a"))
    wake = drain.burst()
    assert (wake.seconds, wake.arrivals) == (1.5, 7) and len(consumer.requests) == 1
    drain.outbox.put(statements(5, 11, "a"))
    drain.burst()
    assert consumer.requests[1:] == [ids(2, 11)]
    drain.outbox.put(statements(12, 12, "a"))
    clock.now += drain.burst().seconds
    drain.burst()
    assert consumer.requests[2:] == [ids(12, 12)]


def test_a_statement_that_breaks_the_connection_steps_aside_and_is_never_given_up(
    consumer: Consumer, make_drain: MakeDrain, clock: TurnedClock
) -> None:
    drain = make_drain(retry=Retry(attempts=2, backoff=2.0, ceiling=60.0))
    consumer.behave = lambda batch: (0, {}, b"") if "s7" in batch else None
    drain.outbox.put(statements(1, 40, "a"))
    drain.spend(1800)
    assert set(consumer.stored) == set(ids(1, 40)) - {"s7"}
    assert (drain.status.waiting, drain.status.dead) == (1, 0)
    assert consumer.received["s7"] > 10
    consumer.behave = lambda batch: None
    drain.run()
    assert len(consumer.stored) == 40


def test_an_answer_may_be_endless_or_slow_and_a_connection_stale(consumer: Consumer, make_drain: MakeDrain) -> None:
    drain = make_drain()
    consumer.behave = lambda batch: (422, {}, b"x" * 10_000_000)
    drain.outbox.put(statements(1, 1, "a"))
    drain.run()
    assert drain.status.dead == 1
    consumer.behave = lambda batch: None
    drain.outbox.put(statements(2, 2, "a"))
    drain.run()
    consumer.stop()
    consumer.start()  # the kept-alive connection is dead, the consumer is not
    drain.outbox.put(statements(3, 3, "a"))
    drain.run()
    assert set(consumer.stored) == {"s2", "s3"} and drain.status.retried == 0


def test_a_crash_between_sending_and_marking_stores_nothing_twice(
    consumer: Consumer, make_drain: MakeDrain, clock: TurnedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    drain = make_drain()
    drain.outbox.put(statements(1, 20, "a"))

    class Killed(BaseException):
        pass

    def killed(*args: Any) -> None:
        raise Killed

    with monkeypatch.context() as context, pytest.raises(Killed):
        context.setattr(Queue, "settle", killed)
        drain.drainer.step()
    successor = make_drain(drain.outbox)
    assert successor.burst().seconds > 0 and len(consumer.requests) == 1
    clock.now += drain.outbox.settings.lease
    successor.run()
    assert set(consumer.received.values()) == {2} and len(consumer.stored) == 20
    assert successor.status.delivered == 20


def test_a_probe_that_is_not_sent_any_more_leaves_no_pause_behind(
    consumer: Consumer, make_drain: MakeDrain, clock: TurnedClock
) -> None:
    drain = make_drain()
    drain.outbox.put(statements(1, 5, "a"))
    consumer.behave = lambda ids: 503
    clock.now += drain.burst().seconds
    sent = len(consumer.requests)
    drain.drainer.stop()
    drain.drainer.step()  # claims the probe, and does not send it
    assert len(consumer.requests) == sent
    assert not drain.outbox.queue("a").is_idle()

    consumer.behave = lambda ids: None
    before = clock.now
    make_drain(drain.outbox).run()
    assert len(consumer.stored) == 5 and clock.now - before < drain.outbox.settings.lease


def test_a_probe_that_is_stored_at_the_last_moment_counts(
    consumer: Consumer, make_drain: MakeDrain, clock: TurnedClock
) -> None:
    drain = make_drain()
    drain.outbox.put(statements(1, 5, "a"))
    consumer.behave = lambda ids: 503
    clock.now += drain.burst().seconds
    consumer.behave = lambda ids: drain.drainer.stop()
    drain.drainer.step()
    assert len(consumer.stored) == 1
    assert not drain.status.paused and not drain.outbox.queue("a").is_idle()
