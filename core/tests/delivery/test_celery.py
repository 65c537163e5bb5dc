"""The Celery engine with real brokers and real workers."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import redis

from learnrelay.config.models import Alerts, Delivery
from learnrelay.config.secrets import Secret
from learnrelay.delivery import celery_engine
from learnrelay.errors import OutboxError
from learnrelay.outbox import Outbox
from learnrelay.outbox.intake_policy import Intake
from learnrelay.outbox.looks import QueueLooks
from services import ON_RABBITMQ, amqp_url, redis_url

from .conftest import statements
from .consumer import Consumer

PATIENCE = 120.0  # seconds for what takes a moment on an idle machine: it costs nothing while all is well

StartWorker = Callable[[], "subprocess.Popen[bytes]"]


@pytest.fixture
def queue(monkeypatch: pytest.MonkeyPatch) -> str:
    name = f"learnrelay-{uuid.uuid4().hex}"
    monkeypatch.setattr(celery_engine, "QUEUE", name)
    return name


@pytest.fixture(params=["redis", pytest.param("rabbitmq", marks=ON_RABBITMQ)])
def broker(request: pytest.FixtureRequest, queue: str) -> Iterator[str]:
    url = redis_url() if request.param == "redis" else amqp_url()
    yield url
    purge(url, queue)


def purge(broker: str, queue: str) -> None:
    """Deletes the queue, as a broker does that lost everything."""
    with celery_engine.make_app(Delivery("celery", broker=Secret(broker))).connection_for_write() as connection:
        connection.SimpleQueue(queue).queue.delete()


@pytest.fixture
def settings(tmp_path: Path, broker: str) -> Delivery:
    return Delivery("celery", Secret(f"sqlite:///{tmp_path}/outbox.db"), Secret(broker), wait=60)


@pytest.fixture
def start_worker(
    settings: Delivery, broker: str, queue: str, consumer: Consumer, tmp_path: Path
) -> Iterator[StartWorker]:
    given = {
        "database": settings.database.reveal(),
        "broker": broker,
        "queue": queue,
        "spool": str(tmp_path / "spool"),
        "urls": {"a": consumer.url, "b": consumer.url.replace("statements", "b")},
    }
    started: list[subprocess.Popen[bytes]] = []

    def start() -> subprocess.Popen[bytes]:
        log = (tmp_path / f"worker{len(started)}.log").open("wb")
        started.append(
            subprocess.Popen(
                [
                    sys.executable,
                    "-m",
                    "celery",
                    "-A",
                    "worker_app",
                    "worker",
                    "-c",
                    "2",
                    "-l",
                    "info",
                    "--without-mingle",
                    "-n",  # on RabbitMQ, a worker of this name that another run has left would keep this one out
                    f"{queue}-{len(started)}",
                ],
                cwd=Path(__file__).parent,
                env={**os.environ, "LEARNRELAY_TEST_WORKER": json.dumps(given)},
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        )
        return started[-1]

    yield start
    for process in started:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def wait_until(true: Callable[[], object], seconds: float = PATIENCE) -> bool:
    deadline = time.monotonic() + seconds
    while not true() and time.monotonic() < deadline:
        threading.Event().wait(0.05)
    return bool(true())


def test_delivers_through_kills_and_a_broker_that_forgets(
    settings: Delivery, broker: str, queue: str, consumer: Consumer, start_worker: StartWorker, tmp_path: Path
) -> None:
    outbox = Outbox.open(settings)
    engine = celery_engine.CeleryEngine(settings, outbox, ["a", "b"])
    engine.start()
    first = start_worker()
    outbox.put(statements(1, 300, "a", "b"))
    engine.wake("a", 300)
    engine.wake("b", 300)
    assert wait_until(lambda: len(consumer.stored) == 300), (tmp_path / "worker0.log").read_text()

    slow = threading.Event()
    consumer.behave = lambda ids: slow.set() or (threading.Event().wait(0.5) and None)  # type: ignore[func-returns-value]
    outbox.put(statements(301, 340, "a", "b"))
    engine.wake("a", 40)
    assert slow.wait(PATIENCE)
    os.killpg(first.pid, signal.SIGKILL)
    first.wait()
    consumer.behave = lambda ids: None
    purge(broker, queue)
    outbox.put(statements(341, 360, "a", "b"))  # and nobody tells the broker
    second = start_worker()
    assert wait_until(lambda: not any(s.waiting for s in outbox.status().values())), (
        tmp_path / "worker1.log"
    ).read_text()
    assert sorted(consumer.stored) == sorted(f"s{n}" for n in range(1, 361))

    engine.stop(5)
    os.kill(second.pid, signal.SIGTERM)
    assert second.wait(PATIENCE) == 0
    assert not any(status.leased for status in outbox.status().values())
    outbox.close()


@pytest.mark.parametrize("broker", ["redis"], indirect=True)
def test_a_worker_takes_in_the_spool_of_its_machine(
    settings: Delivery, consumer: Consumer, start_worker: StartWorker, tmp_path: Path
) -> None:
    outbox = Outbox.open(replace(settings, intake="spool", spool=tmp_path / "spool"))
    intake = Intake(outbox, pytest.fail)
    for number in range(1, 31):
        intake.put(statements(number, number, "a"))
    start_worker()
    assert wait_until(lambda: len(consumer.stored) == 30), (tmp_path / "worker0.log").read_text()
    assert wait_until(lambda: not outbox.status()["a"].waiting)
    assert sorted(consumer.stored) == sorted(f"s{number}" for number in range(1, 31))
    outbox.close()


@pytest.mark.parametrize("broker", ["redis"], indirect=True)
def test_a_task_holds_a_destination_and_nothing_else(settings: Delivery, broker: str, queue: str) -> None:
    outbox = Outbox.open(settings)
    engine = celery_engine.CeleryEngine(settings, outbox, ["a", "b"])
    engine.start()
    outbox.put(statements(1, 1, "a"))
    for _ in range(100):
        engine.wake("a")
    engine.stop(5)
    raw = redis.Redis.from_url(broker).lrange(queue, 0, -1)
    assert 1 <= len(raw) <= 3
    message = json.loads(raw[0])
    assert message["headers"]["task"] == "learnrelay.drain" and message["headers"]["argsrepr"] == "['a']"
    assert message["content-type"] == "application/json"
    assert settings.database.reveal().encode() not in raw[0] and b"s1" not in raw[0]


def test_emit_neither_waits_for_the_broker_nor_fails_with_it(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:  # takes the connection, and says nothing for ever
        url = f"redis://:kept-quiet@127.0.0.1:{silent.getsockname()[1]}/0"
        settings = Delivery("celery", Secret(f"sqlite:///{tmp_path}/outbox.db"), Secret(url))
        outbox = Outbox.open(settings)
        engine = celery_engine.CeleryEngine(settings, outbox)
        engine.start()
        started = time.monotonic()
        for _ in range(1000):
            engine.wake("a")
        assert time.monotonic() - started < 10, "one answer alone is waited for three times as long"
    assert wait_until(lambda: "the workers' own sweep delivers" in caplog.text)
    engine.stop(5)
    assert caplog.text.count("not reached") == 1 and "kept-quiet" not in caplog.text


def test_a_broker_is_needed() -> None:
    with pytest.raises(OutboxError, match=r"delivery\.broker"):
        celery_engine.make_app(Delivery("celery"))


def count_tasks(settings: Delivery) -> int:
    return celery_engine._count_tasks(celery_engine.make_app(settings))


def test_a_broker_that_nobody_reads_holds_one_task_for_each_destination(
    settings: Delivery, consumer: Consumer, start_worker: StartWorker, tmp_path: Path
) -> None:
    outbox, elsewhere = Outbox.open(settings), Outbox.open(settings)
    engines = [celery_engine.CeleryEngine(settings, store, ["a", "b"]) for store in (outbox, elsewhere)]
    for engine in engines:
        engine.start()
    for number in range(150):
        outbox.put(statements(10 * number + 1, 10 * number + 10, "a", "b"))
        for engine in engines:
            engine.wake("a", 10)
            engine.wake("b", 10)
        threading.Event().wait(0.01)
    assert wait_until(lambda: count_tasks(settings) == 2)
    assert outbox.status(["a"])["a"].unattended is not None

    start_worker()
    assert wait_until(lambda: len(consumer.stored) == 1500), (tmp_path / "worker0.log").read_text()
    assert wait_until(lambda: not outbox.status()["b"].waiting)
    # With a worker there, a full batch is prompt: it waits neither for a sweep nor for the interval of a batch.
    for number in range(5):
        started = time.monotonic()
        outbox.put(statements(2000 + 20 * number, 2019 + 20 * number, "a"))
        engines[number % 2].wake("a", 20)
        assert wait_until(lambda number=number: f"s{2000 + 20 * number}" in consumer.stored)  # type: ignore[misc]
        assert time.monotonic() - started < 5
    for engine in engines:
        engine.stop(5)
    assert wait_until(lambda: outbox.status()["a"].unattended is None)


@pytest.mark.parametrize("broker", ["redis"], indirect=True)
def test_the_emitting_side_raises_the_alert_that_nobody_delivers(
    settings: Delivery, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(celery_engine, "MAINTENANCE_INTERVAL", 0.2)
    settings = replace(settings, alerts=Alerts(unattended=0.5))
    outbox, elsewhere = Outbox.open(settings), Outbox.open(settings)
    outbox.put(statements(1, 3, "a"))
    engines = [celery_engine.CeleryEngine(settings, store, ["a"]) for store in (outbox, elsewhere)]
    for engine in engines:
        engine.start()
    assert wait_until(lambda: "destination a: nobody has delivered for" in caplog.text)
    threading.Event().wait(1.0)
    assert caplog.text.count("alert raised") == 1
    QueueLooks(outbox, "a").record()  # a worker comes
    assert wait_until(lambda: "alert cleared: learnrelay: destination a: unattended" in caplog.text)
    for engine in engines:
        engine.stop(5)


@pytest.mark.parametrize("broker", ["redis"], indirect=True)
def test_a_cut_connection_is_one_line_of_a_worker(
    settings: Delivery, broker: str, consumer: Consumer, start_worker: StartWorker, tmp_path: Path
) -> None:
    outbox = Outbox.open(settings)
    start_worker()
    outbox.put(statements(1, 20, "a"))
    assert wait_until(lambda: len(consumer.stored) == 20)
    with outbox.database.transaction() as transaction:
        transaction.change("ALTER TABLE learnrelay_breaker RENAME TO learnrelay_away")
    outbox.put(statements(21, 40, "a"))
    celery_engine.make_app(settings).send_task(celery_engine.TASK, args=["a"])

    def log() -> str:
        return (tmp_path / "worker0.log").read_text()

    assert wait_until(lambda: "destination a: outbox" in log()), log()
    with outbox.database.transaction() as transaction:
        transaction.change("ALTER TABLE learnrelay_away RENAME TO learnrelay_breaker")
    assert wait_until(lambda: len(consumer.stored) == 40), log()
    assert "Traceback" not in log()


@pytest.mark.parametrize("broker", ["redis"], indirect=True)
def test_a_name_in_a_task_forges_no_line_of_the_log(
    settings: Delivery, start_worker: StartWorker, tmp_path: Path
) -> None:
    Outbox.open(settings).close()
    start_worker()
    celery_engine.make_app(settings).send_task(celery_engine.TASK, args=["x\nERROR forged\x1b[2J"])

    def log() -> str:
        return (tmp_path / "worker0.log").read_text()

    assert wait_until(lambda: "not in this worker's file" in log())
    assert "\nERROR forged" not in log() and "\x1b[2J" not in log()
