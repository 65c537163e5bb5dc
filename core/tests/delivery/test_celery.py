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
from pathlib import Path

import pytest
import redis

from learnrelay.config.models import Delivery
from learnrelay.delivery import Outbox, celery_engine
from learnrelay.errors import OutboxError
from learnrelay.secrets import Secret

from .conftest import parcels
from .consumer import Consumer

REDIS = os.environ.get("LEARNRELAY_TEST_REDIS_URL", "")
AMQP = os.environ.get("LEARNRELAY_TEST_AMQP_URL", "")
BROKERS = [
    pytest.param(REDIS, marks=pytest.mark.skipif(not REDIS, reason="no LEARNRELAY_TEST_REDIS_URL"), id="redis"),
    pytest.param(AMQP, marks=pytest.mark.skipif(not AMQP, reason="no LEARNRELAY_TEST_AMQP_URL"), id="rabbitmq"),
]

PATIENCE = 120.0  # seconds for what takes a moment on an idle machine: it costs nothing while all is well

StartWorker = Callable[[], "subprocess.Popen[bytes]"]


@pytest.fixture
def queue(monkeypatch: pytest.MonkeyPatch) -> str:
    name = f"learnrelay-{uuid.uuid4().hex}"
    monkeypatch.setattr(celery_engine, "QUEUE", name)
    return name


@pytest.fixture(params=BROKERS)
def broker(request: pytest.FixtureRequest, queue: str) -> Iterator[str]:
    yield str(request.param)
    purge(request.param, queue)


def purge(broker: str, queue: str) -> None:
    """What a broker that lost everything has left."""
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
    engine = celery_engine.CeleryEngine(settings)
    engine.start()
    first = start_worker()
    outbox.put(parcels(1, 300, "a", "b"))
    engine.wake("a", 300)
    engine.wake("b", 300)
    assert wait_until(lambda: len(consumer.stored) == 300), (tmp_path / "worker0.log").read_text()

    slow = threading.Event()
    consumer.behave = lambda ids: slow.set() or (threading.Event().wait(0.5) and None)  # type: ignore[func-returns-value]
    outbox.put(parcels(301, 340, "a", "b"))
    engine.wake("a", 40)
    assert slow.wait(PATIENCE)
    os.killpg(first.pid, signal.SIGKILL)
    first.wait()
    consumer.behave = lambda ids: None
    purge(broker, queue)
    outbox.put(parcels(341, 360, "a", "b"))  # and nobody tells the broker
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


@pytest.mark.skipif(not REDIS, reason="no LEARNRELAY_TEST_REDIS_URL")
@pytest.mark.parametrize("broker", [REDIS], indirect=True)
def test_a_task_says_a_destination_and_nothing_else(settings: Delivery, queue: str) -> None:
    outbox = Outbox.open(settings)
    engine = celery_engine.CeleryEngine(settings)
    engine.start()
    outbox.put(parcels(1, 1, "a"))
    for _ in range(100):
        engine.wake("a")
    engine.stop(5)
    raw = redis.Redis.from_url(REDIS).lrange(queue, 0, -1)
    assert 1 <= len(raw) <= 3
    message = json.loads(raw[0])
    assert message["headers"]["task"] == "learnrelay.drain" and message["headers"]["argsrepr"] == "['a']"
    assert message["content-type"] == "application/json"
    assert settings.database.reveal().encode() not in raw[0] and b"s1" not in raw[0]


def test_emit_neither_waits_for_the_broker_nor_fails_with_it(caplog: pytest.LogCaptureFixture) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:  # takes the connection, and says nothing for ever
        url = f"redis://:kept-quiet@127.0.0.1:{silent.getsockname()[1]}/0"
        engine = celery_engine.CeleryEngine(Delivery("celery", broker=Secret(url)))
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
        celery_engine.CeleryEngine(Delivery("celery"))
