"""One destination's drain against a real consumer, on a clock that the test turns."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from learnrelay.config.models import Auth, Batch, Delivery, Retry
from learnrelay.delivery import Outbox
from learnrelay.secrets import Secret

from .conftest import Drain, TurnedClock, parcels
from .consumer import Consumer

MakeDrain = Callable[..., Drain]


def ids(first: int, last: int) -> list[str]:
    return [f"s{n}" for n in range(first, last + 1)]


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@settings(
    max_examples=60,
    deadline=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(data=st.data())
def test_culprits_cost_only_themselves(
    data: st.DataObject,
    tmp_path_factory: pytest.TempPathFactory,
    clock: TurnedClock,
    consumer: Consumer,
    drain: MakeDrain,
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
    outbox.put(parcels(1, number, "a"))
    one = drain(outbox, url=consumer.url, batch=Batch(size, 1.0), retry=Retry(attempts=3, backoff=2.0, ceiling=60.0))
    one.spend(600)
    # If only such statements are left, a server error may as well be an outage: the next that works tells.
    outbox.put(parcels(number + 1, number + 1, "a"))
    one.run(hours=2)
    assert set(consumer.stored) == set(ids(1, number + 1)) - set(condemned)
    status = one.status
    assert (status.delivered, status.dead, status.waiting) == (number + 1 - len(condemned), len(condemned), 0)
    assert status.paused == ""
    outbox.close()
    consumer.stop()


def test_a_batch_with_one_refused_statement_takes_few_requests(consumer: Consumer, drain: MakeDrain) -> None:
    one = drain()
    consumer.behave = lambda batch: (422, {}, b"unknown\nverb" + b"!" * 999) if "s42" in batch else None
    one.outbox.put(parcels(1, 100, "a"))
    assert one.run() == 0
    assert set(consumer.stored) == set(ids(1, 100)) - {"s42"}
    assert len(consumer.requests) <= 15
    with one.outbox.database.transaction() as transaction:
        ((reason,),) = transaction.execute("SELECT reason FROM learnrelay_dead_letter")
    assert reason.startswith("422 unknown verb!!!") and len(reason) == 300


def test_an_outage_costs_nothing_and_ends_with_one_probe_then_full_batches_in_order(
    consumer: Consumer, drain: MakeDrain, clock: TurnedClock, caplog: pytest.LogCaptureFixture
) -> None:
    one = drain(batch=Batch(50, 2.0), retry=Retry(attempts=2, backoff=2.0, ceiling=300.0))
    consumer.stop()
    one.outbox.put(parcels(1, 500, "a"))
    one.spend(12 * 3600)
    assert "connection refused" in one.status.paused and not one.status.halted
    assert max(one.drainer._backoff.wait(n) for n in range(1, 99)) <= 300

    consumer.start()
    assert one.run() <= 300
    assert len(consumer.requests[0]) == 1
    assert [len(batch) for batch in consumer.requests[1:10]] == [50] * 9
    assert sorted(consumer.stored) == sorted(ids(1, 500))
    rest = [i for i in consumer.order if i != consumer.order[0]]
    assert rest == [i for i in ids(1, 500) if i != consumer.order[0]]
    assert set(consumer.received.values()) == {1}
    assert (one.status.dead, one.status.delivered) == (0, 500)
    said = [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]
    assert len(said) == 2 and "unavailable" in said[0] and "well again after" in said[1]


def test_a_day_of_503_gives_nothing_up(consumer: Consumer, drain: MakeDrain, clock: TurnedClock) -> None:
    one = drain(retry=Retry(attempts=3, backoff=2.0, ceiling=600.0))
    consumer.behave = lambda batch: 503
    one.outbox.put(parcels(1, 250, "a"))
    one.spend(24 * 3600)
    assert len(consumer.requests) < 24 * 3600 / 200  # half of the ceiling on average, with jitter
    assert all(len(batch) == 1 for batch in consumer.requests[1:])
    consumer.behave = lambda batch: None
    one.run()
    assert (one.status.dead, len(consumer.stored)) == (0, 250)


@pytest.mark.parametrize(("header", "least"), [("40", 40), ("99999", 600), ("Fri, 15 Jan 2027 08:00:50 GMT", 50)])
def test_retry_after_is_kept_up_to_the_ceiling(
    header: str, least: float, consumer: Consumer, drain: MakeDrain, clock: TurnedClock
) -> None:
    assert clock.now == 1_800_000_000  # Fri, 15 Jan 2027 08:00:00 GMT
    one = drain(retry=Retry(backoff=1.0, ceiling=600.0))
    consumer.behave = lambda batch: (429, {"Retry-After": header}, b"")
    one.outbox.put(parcels(1, 5, "a"))
    assert one.burst().seconds == pytest.approx(least)
    clock.now += least - 1
    assert one.burst().seconds == pytest.approx(1)
    assert len(consumer.requests) == 1
    clock.now += 1
    consumer.behave = lambda batch: None
    one.run()
    assert set(consumer.received.values()) == {2} and len(consumer.stored) == 5


def test_a_halted_destination_keeps_everything_and_says_so_once(
    consumer: Consumer, drain: MakeDrain, clock: TurnedClock, caplog: pytest.LogCaptureFixture
) -> None:
    secret = Secret("kept-quiet")
    one = drain(auth=Auth("basic", "relay", secret), retry=Retry(attempts=2, backoff=2.0, ceiling=100.0))
    consumer.behave = lambda batch: (401, {}, b"who are you")
    one.outbox.put(parcels(1, 30, "a"))
    one.spend(3600)
    assert one.status.halted and one.status.paused == "401 who are you" and one.status.waiting == 30
    consumer.behave = lambda batch: (302, {"Location": consumer.url}, b"")
    one.spend(3600)
    consumer.behave = lambda batch: None
    one.run()
    assert len(consumer.stored) == 30 and one.status.dead == 0 and not one.status.halted
    said = [record.getMessage() for record in caplog.records if record.name == "learnrelay.delivery"]
    assert [("401" in m, "302" in m, "well again" in m) for m in said] == [
        (True, False, False),
        (False, True, False),
        (False, True, True),
    ]
    assert "kept-quiet" not in caplog.text and all("Authorization" in headers for headers in consumer.headers)


def test_a_tail_is_sent_after_the_interval_a_full_batch_and_a_first_statement_at_once(
    consumer: Consumer, drain: MakeDrain, clock: TurnedClock
) -> None:
    one = drain(batch=Batch(10, 2.0))
    one.outbox.put(parcels(1, 1, "a"))
    one.burst()
    assert consumer.requests == [ids(1, 1)]
    clock.now += 0.5
    one.outbox.put(parcels(2, 4, "a"))
    rest = one.burst()
    assert (rest.seconds, rest.arrivals) == (1.5, 7) and len(consumer.requests) == 1
    one.outbox.put(parcels(5, 11, "a"))
    one.burst()
    assert consumer.requests[1:] == [ids(2, 11)]
    one.outbox.put(parcels(12, 12, "a"))
    clock.now += one.burst().seconds
    one.burst()
    assert consumer.requests[2:] == [ids(12, 12)]


def test_a_statement_that_breaks_the_connection_steps_aside_and_is_never_given_up(
    consumer: Consumer, drain: MakeDrain, clock: TurnedClock
) -> None:
    one = drain(retry=Retry(attempts=2, backoff=2.0, ceiling=60.0))
    consumer.behave = lambda batch: (0, {}, b"") if "s7" in batch else None
    one.outbox.put(parcels(1, 40, "a"))
    one.spend(1800)
    assert set(consumer.stored) == set(ids(1, 40)) - {"s7"}
    assert (one.status.waiting, one.status.dead) == (1, 0)
    assert consumer.received["s7"] > 10
    consumer.behave = lambda batch: None
    one.run()
    assert len(consumer.stored) == 40


def test_an_answer_may_be_endless_or_slow_and_a_connection_stale(consumer: Consumer, drain: MakeDrain) -> None:
    one = drain(timeout=0.5)
    consumer.behave = lambda batch: (422, {}, b"x" * 10_000_000)
    one.outbox.put(parcels(1, 1, "a"))
    one.run()
    assert one.status.dead == 1
    consumer.behave = lambda batch: None
    one.outbox.put(parcels(2, 2, "a"))
    one.run()
    consumer.stop()
    consumer.start()  # the kept-alive connection is dead, the consumer is not
    one.outbox.put(parcels(3, 3, "a"))
    one.run()
    assert set(consumer.stored) == {"s2", "s3"} and one.status.retried == 0


def test_a_crash_between_sending_and_marking_stores_nothing_twice(
    consumer: Consumer, drain: MakeDrain, clock: TurnedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = drain()
    one.outbox.put(parcels(1, 20, "a"))

    class Killed(BaseException):
        pass

    def killed(*args: Any) -> None:
        raise Killed

    monkeypatch.setattr(one.drainer._queue, "settle", killed)
    with pytest.raises(Killed):
        one.drainer.step()
    successor = drain(one.outbox)
    assert successor.burst().seconds > 0 and len(consumer.requests) == 1
    clock.now += one.outbox.settings.lease
    successor.run()
    assert set(consumer.received.values()) == {2} and len(consumer.stored) == 20
    assert successor.status.delivered == 20
