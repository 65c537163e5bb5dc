"""``delivery.intake`` and ``delivery.full``: what emit() does where the database is full, frozen, or away."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import make_url

from installation import Installation
from learnrelay.config.models import Delivery
from learnrelay.config.secrets import Secret
from learnrelay.delivery.alerts import AlertMonitor
from learnrelay.errors import OutboxError, OutboxFullError
from learnrelay.outbox import Outbox
from learnrelay.outbox.intake_policy import Intake
from learnrelay.outbox.statistics import Recorder
from learnrelay.relay import Relay
from plain import event
from relay_files import relay_toml

from .conftest import statements
from .consumer import Consumer
from .proxy import Proxy
from .test_deferred import KEY, assembly_of

OpenOutbox = Callable[..., Outbox]
WAIT = 1.0
BOUND = WAIT + 1.5  # a busy machine, half a second of grace, and the tenth of a second in which psycopg looks up


class Emitter:
    """The emitting side: an intake, and the counts of what it refused."""

    def __init__(self, outbox: Outbox) -> None:
        self.outbox = outbox
        self.recorder = Recorder(outbox, ["plain"])
        self._intake = Intake(outbox, self.recorder.count_refusals)

    def put(self, number: int) -> float:
        """Stores a statement; returns the seconds that it took."""
        started = time.monotonic()
        try:
            self._intake.put(statements(number, number, "a"))
        finally:
            seconds = time.monotonic() - started
            assert seconds < BOUND
        return seconds


@pytest.fixture
def proxy(database_url: Secret) -> Iterator[Proxy]:
    made = Proxy.before(database_url.reveal())
    yield made
    made.close()


@pytest.fixture
def behind(proxy: Proxy, database_url: Secret, tmp_path: Path) -> Callable[..., Outbox]:
    """Opens the database through the proxy."""

    def open_behind(**settings: Any) -> Outbox:
        url = make_url(database_url.reveal()).set(host="127.0.0.1", port=proxy.port)
        address = Secret(url.render_as_string(hide_password=False))
        return Outbox.open(Delivery(database=address, wait=WAIT, spool=tmp_path / "spool", **settings))

    return open_behind


class TestFull:
    def test_block_waits_and_raises(self, open_outbox: OpenOutbox) -> None:
        emitter = Emitter(open_outbox(limit=3, wait=WAIT))
        for number in (1, 2, 3):
            emitter.put(number)
        started = time.monotonic()
        with pytest.raises(OutboxFullError, match=r"delivery\.wait"):
            emitter.put(4)
        assert time.monotonic() - started > WAIT

    def test_raise_does_not_wait(self, open_outbox: OpenOutbox) -> None:
        emitter = Emitter(open_outbox(limit=3, wait=30.0, full="raise"))
        for number in (1, 2, 3):
            emitter.put(number)
        for number in (4, 5):
            with pytest.raises(OutboxFullError):
                emitter.put(number)

    def test_spool_stores_elsewhere_and_is_taken_in_when_there_is_room(
        self, open_outbox: OpenOutbox, tmp_path: Path
    ) -> None:
        outbox = open_outbox(limit=3, wait=30.0, full="spool", spool=tmp_path / "spool")
        emitter = Emitter(outbox)
        for number in range(1, 9):
            emitter.put(number)
        assert outbox.status()["a"].waiting == 3
        assert outbox.take_in() == {}
        for _ in range(3):
            outbox.abandon("a")
            outbox.take_in()
        assert (outbox.status()["a"].accepted, outbox.read_spool_status().segments) == (8, 0)


@pytest.mark.parametrize("database_url", ["postgres", "mysql"], indirect=True)
class TestAway:
    def test_spool_does_not_wait_twice_for_a_frozen_server(self, proxy: Proxy, behind: Any) -> None:
        outbox = behind(full="spool")
        emitter = Emitter(outbox)
        emitter.put(1)
        proxy.frozen.set()
        seconds = [emitter.put(number) for number in range(2, 12)]
        assert sum(seconds) < BOUND  # the first one asks, the others know
        proxy.frozen.clear()
        outbox.take_in()
        assert outbox.status()["a"].accepted == 11
        outbox.close()

    def test_a_relay_emits_and_closes_in_time_while_its_server_is_frozen(
        self, proxy: Proxy, behind: Any, consumer: Consumer, tmp_path: Path
    ) -> None:
        settings = behind().settings
        relay = Relay(assembly_of(consumer.url, settings))
        relay.emit(event("quiz", {"quiz": "q1"}))
        proxy.frozen.set()
        for number in range(2):
            started = time.monotonic()
            with pytest.raises(OutboxError, match="does not answer"):
                relay.emit(event("quiz", {"quiz": f"q{number}"}))
            assert time.monotonic() - started < BOUND
        started = time.monotonic()
        relay.close(timeout=1.0)
        assert time.monotonic() - started < 1 + 2 + BOUND

    def test_raise(self, proxy: Proxy, behind: Any) -> None:
        emitter = Emitter(behind(full="raise"))
        proxy.frozen.set()
        started = time.monotonic()
        for number in range(1, 9):
            with pytest.raises(OutboxError, match="does not answer"):
                emitter.put(number)
        assert time.monotonic() - started < BOUND
        emitter.outbox.close()

    def test_an_emitter_starts_without_its_database(
        self, proxy: Proxy, behind: Any, database_url: Secret, caplog: pytest.LogCaptureFixture
    ) -> None:
        proxy.frozen.set()
        with pytest.raises(OutboxError):
            behind()
        for setting in ({"full": "spool"}, {"intake": "spool"}):
            outbox = behind(**setting)
            assert "spooled until it can be opened" in caplog.text
            Emitter(outbox).put(1)
        proxy.frozen.clear()
        assert outbox.take_in() == {"a": 2}  # which creates the tables
        assert outbox.status()["a"].accepted == 1
        outbox.close()


def test_what_was_not_stored_is_counted_shown_and_alerted(
    open_outbox: OpenOutbox, caplog: pytest.LogCaptureFixture
) -> None:
    outbox = open_outbox(limit=1, full="raise")
    emitter = Emitter(outbox)
    emitter.put(1)
    for number in range(2, 7):
        with pytest.raises(OutboxFullError):
            emitter.put(number)
    emitter.recorder.close()
    ((reason, (number, _)),) = outbox.read_refusals().items()
    assert (reason, number) == ("the outbox is full", 5)
    monitor = AlertMonitor(outbox)
    for _ in range(2):
        monitor.check()
    assert caplog.text.count("alert raised: learnrelay: destination (intake): 5 events were not stored") == 1
    assert caplog.text.count("an event was not stored, the outbox is full") == 1


class TestRelay:
    """The whole of it, with an engine that takes in and delivers."""

    def emitting(self, consumer: Consumer, url: Secret, tmp_path: Path, **settings: Any) -> Relay:
        delivery = Delivery(database=url, spool=tmp_path / "spool", key=Secret(KEY), **settings)
        return Relay(assembly_of(consumer.url, delivery))

    @pytest.mark.parametrize("pipeline", ["emit", "worker"])
    def test_the_spool_first(self, pipeline: Any, consumer: Consumer, database_url: Secret, tmp_path: Path) -> None:
        with self.emitting(consumer, database_url, tmp_path, intake="spool", pipeline=pipeline) as relay:
            for number in range(20):
                relay.emit({**event("quiz", {"quiz": f"q{number}"}), "timestamp": f"2026-03-02T09:00:{number:02}Z"})
            content = b"".join(path.read_bytes() for path in (tmp_path / "spool").iterdir())
            assert (b'"q7"' in content) is (pipeline == "emit")  # sealed, else
            assert relay.engine.drained(30)  # type: ignore[attr-defined]
        assert len(consumer.stored) == 20
        outbox = Outbox.open(Delivery(database=database_url, spool=tmp_path / "spool"))
        assert outbox.take_in() == {}
        assert list((tmp_path / "spool").iterdir()) == []
        outbox.close()

    def test_who_looks_for_a_learner_takes_the_spool_in_first(
        self, consumer: Consumer, database_url: Secret, tmp_path: Path
    ) -> None:
        """`learnrelay forget` calls this before it searches."""
        emitting = self.emitting(consumer, database_url, tmp_path, intake="spool")
        Intake(emitting.outbox, pytest.fail).put(statements(1, 3, "main"))
        with self.emitting(consumer, database_url, tmp_path) as relay:
            assert relay.outbox.status() == {}
            relay.process_deferred()
            assert relay.outbox.status()["main"].waiting == 3
            assert relay.outbox.read_spool_status().segments == 0
        emitting.close()

    @pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
    def test_counts_survive_a_process_that_ends_while_the_database_is_away(
        self, consumer: Consumer, database_url: Secret, tmp_path: Path
    ) -> None:
        relay = self.emitting(consumer, database_url, tmp_path, full="spool", spool_limit=10)
        (tmp_path / "spool").mkdir()
        away = tmp_path / "away.db"
        (tmp_path / "outbox.db").rename(away)
        with pytest.raises(OutboxFullError):
            relay.emit(event("quiz", {"quiz": "q"}))
        relay.close()
        away.rename(tmp_path / "outbox.db")
        outbox = Outbox.open(Delivery(database=database_url, spool=tmp_path / "spool"))
        outbox.take_in()
        assert [number for number, _ in outbox.read_refusals().values()] == [1]
        outbox.close()


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_what_commands_say_of_the_spool(
    plain_installation: Installation, database_url: Secret, open_outbox: OpenOutbox, tmp_path: Path
) -> None:
    config = tmp_path / "relay.toml"
    config.write_text(relay_toml(delivery={"database": "sqlite:///outbox.db", "full": "spool", "spool": "kept"}))

    def run(*arguments: str | Path) -> str:
        done = plain_installation.run(*arguments, SECRET="Kd7wq2Lmz9Xv4bTn", LEARNRELAY_CONFIG=str(config))
        assert done.returncode == 0, done.stderr
        return (done.stdout + done.stderr).decode()

    outbox = open_outbox(limit=1, full="spool", spool=tmp_path / "kept")
    emitter = Emitter(outbox)
    for number in (1, 2, 3):
        emitter.put(number)
    emitter.recorder.count_refusals("the outbox fails", 1)
    emitter.recorder.flush()
    status = json.loads(run("status", "--json"))
    assert status["(spool)"]["segments"] == 1
    assert status["(not stored)"] == {"the outbox fails": 1}
    text = run("status")
    assert "spool of this machine:" in text and "not stored: 1 events, because the outbox fails" in text
    assert "spool" in run("check", "--connect")
    run("backup", tmp_path / "copy.db")
    copy = Outbox.open(Delivery(database=Secret(f"sqlite:///{tmp_path}/copy.db")))
    assert copy.take_in() == {"a": 2}
    assert copy.status()["a"].accepted == 3
    copy.close()
