"""Hosts whose clocks are hours apart: nothing stalls, and nobody waits longer than a lease or a pause can last."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from learnrelay.config.models import Alerts, Retry
from learnrelay.config.secrets import Secret
from learnrelay.delivery.alerts import find_conditions
from learnrelay.outbox import Outbox
from learnrelay.outbox.queue import RetryLater

from .conftest import Drain, TurnedClock, statements
from .consumer import Consumer

OpenOutbox = Callable[..., Outbox]
HOURS = 2 * 3600.0
RETRY = Retry(attempts=5, backoff=2.0, ceiling=60.0)


@pytest.mark.parametrize("hours", [HOURS, -HOURS])
def test_a_wrong_clock_stops_no_other_host(
    hours: float, open_outbox: OpenOutbox, make_drain: Callable[..., Drain], clock: TurnedClock, consumer: Consumer
) -> None:
    """A host pauses the destination, puts a statement off, and dies with a claim, all by its own clock."""
    wrong = open_outbox(lambda: clock.now + hours, lease=30.0)
    wrong.put(statements(1, 10, "a"))
    queue = wrong.queue("a")
    claim = queue.claim(1)
    queue.settle(claim, [RetryLater(claim.rows[0], wrong.clock() + 60.0, "HTTP 500")])
    assert len(queue.claim(3).rows) == 3
    queue.trip("unavailable", "HTTP 503", lambda failures: 50.0, probe=False)

    drain = make_drain(open_outbox(clock, lease=30.0), retry=RETRY)
    assert drain.run() <= 2 * 60.0 + 30.0
    assert len(consumer.stored) == 10
    assert drain.status.failing_since is None


def test_a_failure_of_the_future_began_when_it_was_seen(
    open_outbox: OpenOutbox, make_drain: Callable[..., Drain], clock: TurnedClock, consumer: Consumer
) -> None:
    """So that status says since when, and the alert is raised, before the clock of the other host has come."""
    wrong = open_outbox(lambda: clock.now + HOURS, lease=30.0)
    wrong.put(statements(1, 3, "a"))
    wrong.queue("a").trip("unavailable", "HTTP 503", lambda failures: 50.0, probe=False)
    consumer.behave = lambda ids: 503
    drain = make_drain(open_outbox(clock, lease=30.0), retry=RETRY)
    seen = clock.now
    drain.spend(600.0)
    since = drain.status.failing_since
    assert since is not None
    assert seen <= since <= seen + 2 * 60.0
    (condition, _), *_ = find_conditions(drain.status, Alerts(), clock.now)
    assert condition == "unavailable"


def test_a_claim_that_is_renewed_by_a_wrong_clock_is_not_taken_away(
    open_outbox: OpenOutbox, make_drain: Callable[..., Drain], clock: TurnedClock, consumer: Consumer
) -> None:
    wrong = open_outbox(lambda: clock.now + HOURS, lease=30.0)
    wrong.put(statements(1, 3, "a"))
    queue = wrong.queue("a")
    claim = queue.claim(3)
    drain = make_drain(open_outbox(clock, lease=30.0), retry=RETRY)
    for _ in range(20):
        drain.burst()
        clock.now += 10.0
        queue.renew_lease(claim.token)
    assert not consumer.requests
    drain.spend(100.0)
    assert len(consumer.stored) == 3


def test_resume_makes_everything_due(open_outbox: OpenOutbox, make_drain: Callable[..., Drain], clock: TurnedClock,
    consumer: Consumer) -> None:  # fmt: skip
    outbox = open_outbox(clock)
    outbox.put(statements(1, 3, "a"))
    queue = outbox.queue("a")
    claim = queue.claim(1)
    queue.settle(claim, [RetryLater(claim.rows[0], clock.now + 900.0, "HTTP 500")])
    queue.trip("halted: HTTP 401", "HTTP 401", lambda failures: 900.0, probe=False)
    before, waits = queue.resume()
    assert (before.reason, waits) == ("HTTP 401", 1)
    drain = make_drain(outbox)
    assert drain.run() < 60.0
    assert len(consumer.stored) == 3
    assert drain.status.paused == ""


WRONG_HOST = """
import sys, time
sys.path.insert(0, sys.argv[1])
real = time.time
time.time = lambda: real() + float(sys.argv[4])
from destinations import http_destination, http_sinks
from learnrelay.config.models import BatchLimits, Delivery, Retry
from learnrelay.config.secrets import Secret
from learnrelay.delivery import EmbeddedEngine
from learnrelay.outbox import Outbox
outbox = Outbox.open(Delivery(database=Secret(sys.argv[2]), lease=2.0))
a = http_destination("a", "plain", sys.argv[3], batch=BatchLimits(20, 0.05), retry=Retry(backoff=0.5, ceiling=2.0))
EmbeddedEngine(outbox, {"a": a}, http_sinks()).start()
print("up", flush=True)
real_sleep = time.sleep
real_sleep(float(sys.argv[5]))
"""


@pytest.mark.slow
@pytest.mark.parametrize("hours", [HOURS, -HOURS])
def test_two_processes_whose_clocks_are_hours_apart(
    hours: float, open_outbox: OpenOutbox, database_url: Secret, consumer: Consumer
) -> None:
    outbox = open_outbox(lease=2.0)
    outbox.put(statements(1, 200, "a"))
    consumer.behave = lambda ids: 503

    def start(ahead: float, seconds: float = 60.0) -> subprocess.Popen[bytes]:
        arguments = [str(Path(__file__).parents[1]), database_url.reveal(), consumer.url, str(ahead), str(seconds)]
        process = subprocess.Popen([sys.executable, "-c", WRONG_HOST, *arguments], stdout=subprocess.PIPE)
        assert process.stdout is not None and process.stdout.readline() == b"up\n"
        return process

    with start(hours) as wrong:
        end = time.monotonic() + 30
        while len(consumer.requests) < 2 and time.monotonic() < end:
            time.sleep(0.05)
        consumer.behave = lambda ids: time.sleep(0.3)  # and it is killed while it waits for an answer
        before = len(consumer.requests)
        while len(consumer.requests) == before and time.monotonic() < end:
            time.sleep(0.01)
        wrong.kill()
    consumer.behave = lambda ids: None
    with start(0.0) as right:
        end = time.monotonic() + 30
        while outbox.status()["a"].waiting and time.monotonic() < end:
            time.sleep(0.1)
        right.kill()
    assert not outbox.status()["a"].waiting
    assert len(consumer.stored) == 200


@pytest.mark.parametrize("database_url", ["postgres", "mysql"], indirect=True)
def test_the_time_is_that_of_the_database_where_it_has_one(
    open_outbox: OpenOutbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = time.time
    monkeypatch.setattr(time, "time", lambda: real() + HOURS)
    outbox = open_outbox()
    outbox.put(statements(1, 1, "a"))
    assert abs(outbox.clock() - real()) < 60
    outbox.queue("a").trip("unavailable", "HTTP 503", lambda failures: 5.0, probe=False)
    status = outbox.status()["a"]
    assert status.retry_at is not None and abs(status.retry_at - real()) < 60
    assert status.oldest_age is not None and status.oldest_age < 60
