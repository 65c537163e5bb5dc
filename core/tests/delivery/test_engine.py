"""The embedded engine with real threads and a real consumer."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from destinations import http_destination, http_sinks
from learnrelay.config.models import BatchLimits, Retry
from learnrelay.delivery import EmbeddedEngine, drain
from learnrelay.delivery import engine as embedded
from learnrelay.outbox import Outbox

from .conftest import TurnedClock, statements
from .consumer import Consumer

OpenOutbox = Callable[..., Outbox]
MakeEngine = Callable[..., EmbeddedEngine]


@pytest.fixture
def engine() -> Iterator[MakeEngine]:
    running: list[EmbeddedEngine] = []

    def start(outbox: Outbox, *consumers: tuple[str, Consumer], **settings: Any) -> EmbeddedEngine:
        destinations = {
            name: http_destination(name, "plain", consumer.url, **{"timeout": 60.0, **settings})
            for name, consumer in consumers
        }
        running.append(EmbeddedEngine(outbox, destinations, http_sinks()))
        running[-1].start()
        return running[-1]

    yield start
    for embedded_engine in running:
        embedded_engine.stop(5)


def test_delivers_what_was_left_and_what_comes(open_outbox: OpenOutbox, consumer: Consumer, engine: MakeEngine) -> None:
    outbox = open_outbox()
    outbox.put(statements(1, 250, "a"))
    running = engine(outbox, ("a", consumer), batch=BatchLimits(100, 0.2))
    outbox.put(statements(251, 260, "a"))
    running.wake("a", 10)
    assert running.drained(60)
    assert sorted(consumer.stored) == sorted(f"s{n}" for n in range(1, 261))
    assert outbox.status()["a"].delivered == 260


def test_orphaned_deliveries_are_logged_at_the_start(
    open_outbox: OpenOutbox, consumer: Consumer, engine: MakeEngine, caplog: pytest.LogCaptureFixture
) -> None:
    outbox = open_outbox()
    outbox.put(statements(1, 3, "a", "gone"))
    assert engine(outbox, ("a", consumer)).drained(60)
    deadline = time.monotonic() + 60
    while "not in the file" not in caplog.text and time.monotonic() < deadline:
        threading.Event().wait(0.01)
    assert "destination gone: not in the file, but 3 statement(s) wait for it" in caplog.text
    assert caplog.text.count("not in the file") == 1


def test_on_an_idle_system_the_first_statement_goes_at_once(
    open_outbox: OpenOutbox,
    consumer: Consumer,
    engine: MakeEngine,
    clock: TurnedClock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Nothing but the wake can send it: nobody polls, and the batch's interval never ends."""
    for module in (embedded, drain):
        monkeypatch.setattr(module, "POLL", 3600.0)
    outbox = open_outbox(clock)
    running = engine(outbox, ("a", consumer), batch=BatchLimits(100, 10.0))
    for n in range(1, 6):
        outbox.put(statements(n, n, "a"))
        running.wake("a")
        assert running.drained(60), outbox.status()
        clock.now += 11


def test_a_dead_and_a_slow_consumer_cost_a_third_nothing(
    open_outbox: OpenOutbox, consumer: Consumer, engine: MakeEngine
) -> None:
    dead, slow = Consumer(), Consumer()
    dead.stop()
    held = threading.Event()

    def wait(batch: list[str]) -> None:
        held.wait(120)

    slow.behave = wait
    outbox = open_outbox()
    running = engine(outbox, ("dead", dead), ("slow", slow), ("a", consumer), batch=BatchLimits(50, 0.1))
    outbox.put(statements(1, 500, "dead", "slow", "a"))
    for name in ("dead", "slow", "a"):
        running.wake(name, 500)
    deadline = time.monotonic() + 60
    while len(consumer.stored) < 500 and time.monotonic() < deadline:
        threading.Event().wait(0.01)
    assert len(consumer.stored) == 500 and not slow.stored
    assert outbox.status()["dead"].waiting == outbox.status()["slow"].waiting == 500
    held.set()
    dead.start()
    deadline = time.monotonic() + 60
    while len(dead.stored) + len(slow.stored) < 1000 and time.monotonic() < deadline:
        threading.Event().wait(0.01)
    assert (len(dead.stored), len(slow.stored)) == (500, 500)
    slow.stop()


def test_stop_finishes_a_request_or_returns_its_lease(
    open_outbox: OpenOutbox, consumer: Consumer, engine: MakeEngine
) -> None:
    outbox = open_outbox()
    asked, answer = threading.Event(), threading.Event()

    def hold(batch: list[str]) -> None:
        asked.set()
        answer.wait(120)

    consumer.behave = hold
    outbox.put(statements(1, 10, "a"))
    finishing = engine(outbox, ("a", consumer))
    assert asked.wait(60)
    threading.Timer(0.2, answer.set).start()
    finishing.stop(60)
    assert (outbox.status()["a"].delivered, outbox.status()["a"].leased) == (10, 0)

    asked.clear()
    answer.clear()
    outbox.put(statements(11, 20, "a"))
    hurried = engine(outbox, ("a", consumer))
    assert asked.wait(60)
    assert outbox.status()["a"].leased == 10
    hurried.stop(0.1)
    status = outbox.status()["a"]
    assert (status.waiting, status.due, status.leased) == (10, 10, 0)
    answer.set()


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_the_database_may_go_and_come_back(
    tmp_path: Path, open_outbox: OpenOutbox, consumer: Consumer, engine: MakeEngine, caplog: pytest.LogCaptureFixture
) -> None:
    outbox = open_outbox()
    outbox.put(statements(1, 5, "a"))
    (tmp_path / "outbox.db").rename(tmp_path / "away.db")
    running = engine(outbox, ("a", consumer), retry=Retry())
    deadline = time.monotonic() + 60
    while "is gone" not in caplog.text and time.monotonic() < deadline:
        threading.Event().wait(0.01)
    (tmp_path / "away.db").rename(tmp_path / "outbox.db")
    assert running.drained(60)
    assert len(consumer.stored) == 5
    assert caplog.text.count("is gone") == 1 and caplog.text.count("works again") == 1


def test_a_request_longer_than_the_lease_is_not_sent_by_another_worker(
    open_outbox: OpenOutbox, consumer: Consumer, engine: MakeEngine
) -> None:
    outbox, other = open_outbox(lease=2.0), open_outbox(lease=2.0)
    outbox.put(statements(1, 10, "a"))

    def take_long(batch: list[str]) -> None:
        threading.Event().wait(5.0)

    consumer.behave = take_long
    running, rival = engine(outbox, ("a", consumer)), engine(other, ("a", consumer))
    assert running.drained(60) and rival.drained(60)
    assert len(consumer.stored) == 10 and set(consumer.received.values()) == {1}
