"""The course of the last day: a sample every five minutes, whoever takes it, and no more than a day of them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from learnrelay.delivery.alerts import AlertMonitor, run_maintenance
from learnrelay.outbox import Outbox
from learnrelay.outbox.history import (
    INTERVAL,
    SAMPLES,
    HistorySample,
    compute_latencies,
    compute_rates,
    read_history,
    record_history,
)
from learnrelay.outbox.queue import Acknowledged
from learnrelay.outbox.statistics import Timings

from .conftest import TurnedClock, statements

OpenOutbox = Callable[..., Outbox]


def count(outbox: Outbox) -> int:
    with outbox.database.transaction(write=False) as transaction:
        ((number,),) = transaction.execute("SELECT COUNT(*) FROM learnrelay_history")
    return int(number)


def test_a_sample_is_taken_once_by_all_workers(open_outbox: OpenOutbox, clock: TurnedClock) -> None:
    first, second = open_outbox(clock), open_outbox(clock)
    record_history(first)
    assert read_history(first) == {}, "no destination yet"
    start = int(clock.now // INTERVAL)
    first.put(statements(1, 5, "a", "A"))
    run_maintenance(first, AlertMonitor(first, ["a", "A"]))
    claim = second.queue("a").claim(3)
    second.queue("a").settle(claim, [Acknowledged(claim.rows)])
    run_maintenance(second, AlertMonitor(second, ["a", "A"]))
    assert read_history(second) == {"A": [HistorySample(start, 5, 0, {})], "a": [HistorySample(start, 5, 0, {})]}
    clock.now += INTERVAL
    record_history(second)
    record_history(first)
    before, after = read_history(first)["a"]
    assert (before[:3], after[:3]) == ((start, 5, 0), (start + 1, 2, 3))
    assert compute_rates(read_history(first)["a"]) == [(start + 1, 3 / INTERVAL)]


def test_a_day_is_kept(open_outbox: OpenOutbox, clock: TurnedClock) -> None:
    outbox = open_outbox(clock)
    outbox.put(statements(1, 1, "a", "b"))
    for _ in range(SAMPLES + 7):
        record_history(outbox)
        clock.now += INTERVAL
    assert count(outbox) == 2 * SAMPLES
    assert len(read_history(outbox)["b"]) == SAMPLES - 1, "the present interval has no sample yet"
    clock.now += 9 * SAMPLES * INTERVAL
    record_history(outbox)
    clock.now -= 9 * SAMPLES * INTERVAL
    assert read_history(outbox) == {}, "a clock was ahead, and what it wrote is not believed"
    record_history(outbox)
    assert count(outbox) == 2 and len(read_history(outbox)["a"]) == 1


def test_rates_leave_out_what_is_not_known() -> None:
    samples = [HistorySample(*values) for values in ((1, 0, 0), (2, 0, 600), (5, 0, 900), (6, 0, 900), (7, 0, 10))]
    assert compute_rates(samples) == [(2, 2.0), (6, 0.0), (7, 0.0)]


def test_latencies_are_those_of_each_interval(open_outbox: OpenOutbox, clock: TurnedClock) -> None:
    outbox = open_outbox(clock)
    start, queue = int(clock.now // INTERVAL), outbox.queue("a")
    for at, late in enumerate((0.0, 2.0, 40.0, None, 0.5)):
        if late is not None:
            event_time = datetime.fromtimestamp(clock.now - late, UTC)
            outbox.put([made._replace(event_time=event_time) for made in statements(at * 10, at * 10 + 9, "a")])
            claim = queue.claim(10)
            timings = Timings()
            timings.add_latencies([event_time.timestamp()] * 10, clock.now)
            queue.settle(claim, [Acknowledged(claim.rows)], timings)
        record_history(outbox)
        clock.now += INTERVAL
    samples = read_history(outbox)["a"]
    assert [sample.delivered for sample in samples] == [10, 20, 30, 30, 40]
    for part in (0.5, 0.99):
        latencies = compute_latencies(samples, part)
        assert [number - start for number, _ in latencies] == [1, 2, 4], "nothing was delivered in the third"
        assert [seconds for _, seconds in latencies] == pytest.approx([2.0, 40.0, 0.5], rel=0.1)


def test_samples_of_a_release_that_kept_no_latencies_are_a_gap(open_outbox: OpenOutbox, clock: TurnedClock) -> None:
    outbox = open_outbox(clock)
    number = int(clock.now // INTERVAL)
    with outbox.database.transaction() as transaction:
        transaction.change(
            "INSERT INTO learnrelay_history (sampled, destination, waiting, delivered) VALUES (:number, 'a', 1, 2)",
            number=number - 1,
        )
    outbox.put(statements(1, 1, "a"))
    record_history(outbox)
    samples = read_history(outbox)["a"]
    assert [sample.latency for sample in samples] == [None, {}]
    assert compute_latencies(samples, 0.5) == [] and len(compute_rates(samples)) == 1
