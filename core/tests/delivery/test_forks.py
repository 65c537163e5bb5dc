"""Relays where processes fork and end: web servers, Celery's pool, multiprocessing, short scripts."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import redis
import requests

from installation import Installation
from learnrelay import forks
from learnrelay.config.models import Delivery
from learnrelay.config.secrets import Secret
from learnrelay.outbox import Outbox, Status
from learnrelay.outbox.statistics import Statistics
from relay_files import relay_toml
from services import redis_url, server_program

from .conftest import statements
from .consumer import Consumer
from .test_celery import PATIENCE, wait_until
from .test_metrics import free_port

COMMON = """
import json, os, sys, threading, time
from learnrelay import Relay

def event(number):
    at = f"2026-03-02T09:{number // 60:02}:{number % 60:02}Z"
    return {"name": "watched", "timestamp": at, "context": {"user_id": 7}, "data": {"video": f"v{number}"}}

def threads():
    return sorted(thread.name for thread in threading.enumerate() if thread.name.startswith("learnrelay"))

relay = Relay.from_file(os.environ["LEARNRELAY_CONFIG"])
"""

WEB = f"""import atexit
ended = {{}}
atexit.register(lambda: os.write(1, b"\\nCLOSED IN %f\\n" % (time.monotonic() - ended["at"])))
{COMMON}
relay.emit(event(0))  # before the fork
atexit.register(lambda: ended.update(at=time.monotonic()))  # the last one is the first to run

def application(environ, start_response):
    relay.emit(event(int(environ["QUERY_STRING"])))
    time.sleep(0.02)  # so that each worker gets requests
    start_response("200 OK", [("Content-Type", "application/json")])
    return [json.dumps({{"process": os.getpid(), "threads": threads()}}).encode()]
"""

TASKS = f"""{COMMON}
from celery import Celery
app = Celery("emitting", broker=os.environ["BROKER"])
app.conf.task_default_queue = os.environ["QUEUE"]
app.conf.task_ignore_result = True
if os.environ["EARLY"]:
    relay.emit(event(0))

@app.task(name="emit")
def emit(number):
    relay.emit(event(number))
"""

UWSGI = [
    "uwsgi", "--master", "--enable-threads", "--processes", "3", "--die-on-term", "--need-app", "--http-socket",
    "127.0.0.1:{port}", "--wsgi-file", "web_app.py",
]  # fmt: skip
SERVERS = {
    "uwsgi": [*UWSGI, "--py-call-osafterfork"],
    "uwsgi-without-handlers": UWSGI,
    "uwsgi-with-fork-hooks": [*UWSGI, "--py-call-uwsgi-fork-hooks"],
    "gunicorn": ["gunicorn", "--preload", "-w", "3", "-b", "127.0.0.1:{port}", "web_app:application"],
}
REQUESTS = 40


class Site:
    """A directory with an operator's file and an outbox, and the processes that run there."""

    def __init__(self, installation: Installation, directory: Path, database: Secret, consumer: Consumer) -> None:
        self.directory = directory
        self.consumer = consumer
        self.database = database
        self._installation = installation
        self._config = directory / "relay.toml"
        self.environment = {
            **os.environ,
            "PYTHONPATH": os.pathsep.join([str(installation.site), str(directory)]),
            "SECRET": "Kd7wq2Lmz9Xv4bTn",
            "LEARNRELAY_CONFIG": str(self._config),
        }
        self.processes: list[subprocess.Popen[bytes]] = []

    def write_config(
        self, engine: str = "embedded", size: int = 50, interval: str = "100ms", **delivery: object
    ) -> None:
        main = {"url": self.consumer.url, "batch": {"size": size, "interval": interval}, "timeout": "20s"}
        delivery = {"engine": engine, "database": self.database.reveal(), **delivery}
        self._config.write_text(relay_toml(destinations={"main": main}, delivery=delivery))

    def start(self, *command: str, **environment: str) -> subprocess.Popen[bytes]:
        program = Path(sys.executable).parent / command[0]
        with (self.directory / f"process{len(self.processes)}.log").open("wb") as log:
            self.processes.append(
                subprocess.Popen(
                    [program, *command[1:]], env={**self.environment, **environment}, cwd=self.directory, stdout=log,
                    stderr=log, start_new_session=True,
                )
            )  # fmt: skip
        return self.processes[-1]

    def run(self, *command: str) -> subprocess.CompletedProcess[bytes]:
        return self._installation.run(*command, "--config", self._config, SECRET="Kd7wq2Lmz9Xv4bTn")

    def logs(self) -> str:
        return "".join(path.read_text() for path in sorted(self.directory.glob("process*.log")))

    def read(self) -> tuple[Status, int]:
        """Returns the status of the destination, and the number of events that are counted as read."""
        outbox = Outbox.open(Delivery(database=self.database))
        try:
            return outbox.status(["main"])["main"], Statistics.read(outbox).outcomes["", "read", ""]
        finally:
            outbox.close()


@pytest.fixture
def site(plain_installation: Installation, tmp_path: Path, database_url: Secret, consumer: Consumer) -> Iterator[Site]:
    made = Site(plain_installation, tmp_path, database_url, consumer)
    yield made
    for process in made.processes:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def answers_of(port: int, workers: int) -> list[dict[str, Any]]:
    """Sends `REQUESTS` requests, and more to the same server until each of its workers has answered."""

    def get(number: int) -> dict[str, Any]:
        answer = requests.get(f"http://127.0.0.1:{port}/?{number}", timeout=30)
        assert answer.status_code == 200
        return dict(answer.json())

    answers: list[dict[str, Any]] = []
    with ThreadPoolExecutor(8) as executor:
        while len(answers) < 1000 and len({answer["process"] for answer in answers}) < workers:
            answers += executor.map(get, range(len(answers) + 1, len(answers) + REQUESTS + 1))
    return answers


def is_listening(port: int) -> bool:
    with socket.socket() as connection:
        return connection.connect_ex(("127.0.0.1", port)) == 0


@pytest.mark.parametrize("engine", ["embedded", "none"])
@pytest.mark.parametrize(
    "server",
    [pytest.param(name, marks=pytest.mark.slow) if name == "uwsgi-with-fork-hooks" else name for name in SERVERS],
)
@pytest.mark.parametrize("database_url", ["sqlite", pytest.param("postgres", marks=pytest.mark.slow)], indirect=True)
def test_workers_of_a_web_server_share_a_relay_that_has_emitted_before_the_fork(
    server: str, engine: str, site: Site, tmp_path: Path
) -> None:
    server_program(SERVERS[server][0])
    site.write_config(engine)
    (tmp_path / "web_app.py").write_text(WEB)
    port = free_port()
    process = site.start(*(argument.format(port=port) for argument in SERVERS[server]))
    if engine == "embedded" and server != "uwsgi-without-handlers":
        assert wait_until(lambda: len(site.consumer.stored) == 1), site.logs()  # though nobody asks a worker
    assert wait_until(lambda: is_listening(port)), site.logs()
    answers = answers_of(port, workers=3)
    assert len({answer["process"] for answer in answers}) == 3, site.logs()
    number = len(answers) + 1
    if engine == "embedded":
        assert wait_until(lambda: len(site.consumer.stored) == number), site.logs()
        assert all("learnrelay-main" in answer["threads"] for answer in answers)
    else:
        assert not any(answer["threads"] for answer in answers)

    time.sleep(0.5)  # in a worker that is busy, uwsgi calls nothing at the end
    process.send_signal(signal.SIGTERM)
    process.wait(PATIENCE)
    closings = [float(seconds) for seconds in re.findall("^CLOSED IN (.*)$", site.logs(), re.MULTILINE)]
    assert len(closings) >= 3 and max(closings) < 2, site.logs()  # the rest of the time is the server's
    status, read = site.read()
    assert (status.accepted, status.leased, read) == (number, 0, number)
    if engine == "none":
        assert (status.waiting, len(site.consumer.stored)) == (number, 0)
        assert site.run("worker", "--until-empty").returncode == 0
        status, _ = site.read()
    assert (status.waiting, status.delivered, len(site.consumer.order)) == (0, number, number)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize("early", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_a_child_of_celery_that_is_recycled_leaves_nothing_waiting(early: bool, site: Site, tmp_path: Path) -> None:
    broker, queue = redis_url(), f"learnrelay-{uuid.uuid4().hex}"
    site.write_config(interval="2s")
    (tmp_path / "emitting.py").write_text(TASKS)
    worker = site.start(
        "celery", "-A", "emitting", "worker", "-c", "2", "--max-tasks-per-child", "5", "--without-mingle",
        BROKER=broker, QUEUE=queue, EARLY="yes" if early else "",
    )  # fmt: skip
    from celery import Celery

    app = Celery("emitting", broker=broker)
    try:
        for number in range(1, 41):
            app.send_task("emit", args=[number], queue=queue)
        number = 40 + early
        assert wait_until(lambda: site.read()[0].accepted == number, 60), site.logs()
        assert wait_until(lambda: len(site.consumer.stored) == number, 20), site.logs()
        worker.send_signal(signal.SIGTERM)
        assert worker.wait(PATIENCE) == 0
    finally:
        app.close()
        redis.Redis.from_url(broker).delete(queue)
    status, read = site.read()
    assert (status.accepted, status.delivered, status.waiting, status.leased, read) == (number, number, 0, 0, number)


SCRIPT = f"{COMMON}\nrelay.emit(event(1))\n"


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_script_that_does_not_close_its_relay_leaves_nothing_leased_and_nothing_uncounted(site: Site) -> None:
    site.write_config(interval="60s")
    (site.directory / "script.py").write_text(SCRIPT)
    assert site.start("python", "script.py").wait(PATIENCE) == 0
    status, read = site.read()
    assert (status.delivered, status.waiting, status.leased, read) == (1, 0, 0, 1), site.logs()

    (site.directory / "script.py").write_text(SCRIPT + "relay.emit(event(2)); relay.emit(event(3))")
    assert site.start("python", "script.py").wait(PATIENCE) == 0
    status, read = site.read()
    assert (status.delivered, status.waiting, status.leased, read) == (4, 0, 0, 4), site.logs()
    assert not site.logs()


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_script_does_not_wait_for_a_consumer_that_hangs(site: Site) -> None:
    asked, answer = threading.Event(), threading.Event()

    def hang(ids: list[str]) -> None:
        asked.set()
        answer.wait(PATIENCE)

    site.consumer.behave = hang
    site.write_config()
    path = site.directory / "goes-on"
    waits = f"while not os.path.exists({str(path)!r}): time.sleep(0.01)"
    (site.directory / "script.py").write_text(SCRIPT + waits)
    script = site.start("python", "script.py")
    assert asked.wait(PATIENCE), site.logs()
    assert site.read()[0].leased == 1
    started = time.monotonic()
    path.touch()
    assert script.wait(PATIENCE) == 0
    assert 1 < time.monotonic() - started < 3
    answer.set()
    status, read = site.read()
    assert (status.waiting, status.leased, status.due, read) == (1, 0, 1, 1), site.logs()


OUTLIVED = f"""{COMMON}
def wait():
    while not relay.outbox.is_idle(relay.queues):
        time.sleep(0.05)

relay.start()
threading.Thread(target=wait).start()
"""


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_backlog_is_sent_after_the_main_thread_has_ended(site: Site) -> None:
    outbox = Outbox.open(Delivery(database=site.database))
    outbox.put(statements(1, 2000, "main"))
    outbox.close()
    site.write_config(size=2)
    (site.directory / "script.py").write_text(OUTLIVED)
    assert site.start("python", "script.py").wait(PATIENCE) == 0
    assert site.logs() == ""
    assert (site.read()[0].delivered, len(site.consumer.order)) == (2000, 2000)


BROKER = f"""from learnrelay.delivery import celery_engine
from learnrelay.outbox.looks import QueueLooks
import os
celery_engine.QUEUE = os.environ["QUEUE"]
{COMMON}
def emit_and_wait(number):
    QueueLooks(relay.outbox, "main").record()  # as a worker does: what is emitted then needs a task
    relay.emit(event(number))
    time.sleep(0.5)

emit_and_wait(1)
child = os.fork()
if child == 0:
    emit_and_wait(2)
    relay.close()
    os._exit(0)
assert os.waitpid(child, 0)[1] == 0
emit_and_wait(3)
"""


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_parent_and_child_have_connections_of_their_own_to_the_broker(site: Site) -> None:
    broker, queue = redis.Redis.from_url(redis_url()), f"learnrelay-{uuid.uuid4().hex}"
    site.write_config("celery", broker=redis_url())
    (site.directory / "script.py").write_text(BROKER)
    try:
        assert site.start("python", "script.py", QUEUE=queue).wait(PATIENCE) == 0, site.logs()
        assert broker.llen(queue) == 3
        assert all("do not see an SQLite file" in line for line in site.logs().splitlines()), site.logs()
    finally:
        broker.delete(queue)


PROCESSES = f"""{COMMON}
from multiprocessing import get_context

def emit(number):
    relay.emit(event(number))
    return os.getpid()

relay.emit(event(0))
context = get_context("fork")
processes = [context.Process(target=emit, args=(number,)) for number in range(1, 6)]
for process in processes:
    process.start()
for process in processes:
    process.join()
assert not any(process.exitcode for process in processes)
"""


@pytest.mark.parametrize("database_url", ["sqlite", "postgres"], indirect=True)
@pytest.mark.parametrize("engine", ["embedded", "none"])
def test_processes_of_multiprocessing_deliver_and_count(engine: str, site: Site) -> None:
    site.write_config(engine, interval="60s")
    (site.directory / "script.py").write_text(PROCESSES)
    assert site.start("python", "script.py").wait(PATIENCE) == 0, site.logs()
    status, read = site.read()
    assert (status.accepted, status.leased, read) == (6, 0, 6)
    assert status.delivered == (6 if engine == "embedded" else 0)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_check_says_who_delivers(site: Site) -> None:
    for engine, words in (("embedded", "in each process that emits"), ("none", "nothing here: run learnrelay worker")):
        site.write_config(engine)
        assert words in site.run("check").stdout.decode()


# --- the place itself -----------------------------------------------------------------------------------------


def in_child(work: Callable[[], object]) -> int:
    """Forks. The child works, and ends without the functions of `atexit`. Returns its id."""
    child = os.fork()
    if child == 0:
        try:
            work()
            os._exit(0)
        finally:
            os._exit(1)
    return child


def ends_well(child: int, seconds: float = 20.0) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        process, status = os.waitpid(child, os.WNOHANG)
        if process:
            return status == 0
        time.sleep(0.005)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return False


def test_a_fork_waits_for_the_work_of_other_threads_but_not_for_long(caplog: pytest.LogCaptureFixture) -> None:
    def work(seconds: float) -> None:
        with forks.no_fork():
            entered.set()
            time.sleep(seconds)

    def enter() -> None:
        with forks.no_fork(), forks.no_fork():
            pass

    for seconds, least, most in ((0.3, 0.2, 0.9), (2.5, 0.9, 2.0)):
        entered = threading.Event()
        thread = threading.Thread(target=work, args=(seconds,))
        thread.start()
        entered.wait()
        started = time.monotonic()
        child = in_child(enter)
        assert least < time.monotonic() - started < most
        assert ends_well(child)
        thread.join()
    assert caplog.text.count("did not end within 1 s") == 1


def test_a_fork_does_not_wait_for_its_own_thread() -> None:
    started = time.monotonic()
    with forks.no_fork():
        child = in_child(lambda: None)
    assert time.monotonic() - started < 0.9
    assert ends_well(child)


def test_children_work_that_are_forked_while_threads_are_busy(open_outbox: Callable[..., Outbox]) -> None:
    outbox = open_outbox()
    stopped = threading.Event()

    def put(worker: int) -> None:
        number = 0
        while not stopped.is_set():
            outbox.put(statements(number := number + 1, number, f"thread{worker}"))

    threads = [threading.Thread(target=put, args=(worker,)) for worker in range(3)]
    for thread in threads:
        thread.start()
    try:
        for number in range(1, 16):
            child = in_child(lambda number=number: outbox.put(statements(number, number, "child")))  # type: ignore[misc]
            assert ends_well(child)
    finally:
        stopped.set()
        for thread in threads:
            thread.join()
    assert outbox.status()["child"].waiting == 15
