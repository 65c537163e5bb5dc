"""Real workers of both engines: SIGTERM leaves nothing leased, after SIGKILL the next one resumes within a lease."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from installation import Installation
from learnrelay.config.models import Delivery
from learnrelay.config.secrets import Secret
from learnrelay.delivery import celery_engine
from learnrelay.outbox import Outbox
from relay_files import relay_toml
from services import redis_url

from .conftest import NOT_ON_MYSQL, statements
from .consumer import Consumer
from .test_celery import PATIENCE, wait_until

pytestmark = NOT_ON_MYSQL

LEASE = 6.0


APP = """
import os
from learnrelay.delivery import celery_engine
celery_engine.QUEUE, celery_engine.SWEEP_INTERVAL = os.environ["QUEUE"], float(os.environ["SWEEP"])
from learnrelay.celery import app
"""

COMMANDS = {
    "embedded": ["learnrelay", "worker"],
    "celery": ["celery", "-A", "shutdown_app", "worker", "-c", "2", "--without-mingle"],
}


class Workers:
    """Starts worker processes of one engine; what is left of them at the end is killed."""

    def __init__(self, engine: str, environment: dict[str, str], directory: Path) -> None:
        self._command = [Path(sys.executable).parent / COMMANDS[engine][0], *COMMANDS[engine][1:]]
        self._environment = environment
        self.queue = environment["QUEUE"]
        self._directory = directory
        self.started: list[subprocess.Popen[bytes]] = []

    def start(self, *options: str, sweep: float = 1.0) -> subprocess.Popen[bytes]:
        log = (self._directory / f"worker{len(self.started)}.log").open("wb")
        self.started.append(
            subprocess.Popen(
                [*self._command, *options],
                env={**self._environment, "SWEEP": str(sweep)},
                cwd=self._directory,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        )
        return self.started[-1]

    def logs(self) -> str:
        return "".join(path.read_text() for path in sorted(self._directory.glob("worker*.log")))


@pytest.fixture(params=["embedded", "celery"])
def workers(
    request: pytest.FixtureRequest,
    plain_installation: Installation,
    consumer: Consumer,
    database_url: Secret,
    tmp_path: Path,
) -> Iterator[Workers]:
    broker = redis_url() if request.param == "celery" else "redis://127.0.0.1:1/0"
    config = tmp_path / "relay.toml"
    main = {"url": consumer.url, "batch": {"size": 100, "interval": "10ms"}}
    delivery = {
        "engine": request.param, "broker": "env:BROKER", "database": database_url.reveal(), "lease": f"{LEASE:g}s",
    }  # fmt: skip
    config.write_text(relay_toml(destinations={"main": main}, delivery=delivery))
    (tmp_path / "shutdown_app.py").write_text(APP)
    queue = f"learnrelay-{uuid.uuid4().hex}"
    environment = {
        **os.environ, "PYTHONPATH": os.pathsep.join([str(plain_installation.site), str(tmp_path)]), "QUEUE": queue,
        "BROKER": broker, "SECRET": "Kd7wq2Lmz9Xv4bTn", "LEARNRELAY_CONFIG": str(config),
    }  # fmt: skip
    made = Workers(request.param, environment, tmp_path)
    yield made
    for process in made.started:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
    if request.param == "celery":
        redis.Redis.from_url(broker).delete(queue)


@pytest.mark.slow
def test_a_request_under_way_is_finished_or_taken_up_again(
    workers: Workers, consumer: Consumer, database_url: Secret
) -> None:
    outbox = Outbox.open(Delivery(database=database_url, lease=LEASE))
    asked, answer = threading.Event(), threading.Event()
    answers: list[int | None] = [None, 503]

    def hold(ids: list[str]) -> int | None:
        if not answers:
            return None
        asked.set()
        answer.wait(PATIENCE)
        return answers.pop(0)

    consumer.behave = hold
    try:
        outbox.put(statements(1, 10, "main"))
        first = workers.start()
        assert asked.wait(PATIENCE), workers.logs()
        first.send_signal(signal.SIGTERM)
        time.sleep(1.0)
        assert first.poll() is None and outbox.status()["main"].leased == 10
        answer.set()
        assert first.wait(PATIENCE) == 0, workers.logs()
        status = outbox.status()["main"]
        assert (status.delivered, status.waiting, status.leased) == (10, 0, 0)

        asked.clear()
        answer.clear()
        outbox.put(statements(11, 20, "main"))
        started = time.monotonic()
        second = workers.start()
        assert asked.wait(PATIENCE), workers.logs()
        starting = time.monotonic() - started
        os.killpg(second.pid, signal.SIGKILL)
        second.wait()
        killed = time.monotonic()
        assert outbox.status()["main"].leased == 10
        answer.set()
        workers.start()
        assert wait_until(lambda: len(consumer.stored) == 20), workers.logs()
        assert time.monotonic() - killed < LEASE + 10 + 5 * starting
        assert wait_until(lambda: outbox.status()["main"].delivered == 20)
        assert len(consumer.order) == len(set(consumer.order)) == 20
    finally:
        answer.set()
        outbox.close()


@pytest.mark.parametrize("workers", ["celery"], indirect=True)
def test_processes_that_are_forked_while_the_sweep_is_at_work_work_and_end(
    workers: Workers, consumer: Consumer, database_url: Secret
) -> None:
    outbox = Outbox.open(Delivery(database=database_url))
    app = celery_engine.make_app(Delivery("celery", broker=Secret(redis_url())))
    worker = workers.start("-c", "6", "--max-tasks-per-child", "1", sweep=0.001)
    for number in range(1, 31):
        outbox.put(statements(number, number, "main"))
        app.send_task(celery_engine.TASK, args=["main"], queue=workers.queue)
        assert wait_until(lambda so_far=number: len(consumer.stored) == so_far), workers.logs()
    worker.send_signal(signal.SIGTERM)
    assert worker.wait(PATIENCE) == 0, workers.logs()
    assert "Timed out waiting for UP message" not in workers.logs()
    outbox.close()
    app.close()
