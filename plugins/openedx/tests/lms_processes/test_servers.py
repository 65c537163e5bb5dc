"""The backend where processes fork, are recycled and are killed: uwsgi as Tutor starts it, gunicorn, Celery."""

from __future__ import annotations

import itertools
import os
import random
import signal
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import pytest
import redis
import requests

from services import redis_url, server_program

from .conftest import CampusSite, free_port, wait_until

pytestmark = pytest.mark.slow

SERVERS = {
    # the options of Tutor's uwsgi.ini
    "uwsgi": [
        "uwsgi", "--http-socket", "127.0.0.1:{port}", "--module", "campus_lms.wsgi", "--master", "--processes", "3",
        "--thunder-lock", "--single-interpreter", "--enable-threads", "--need-app", "--die-on-term",
        "--py-call-osafterfork", "--vacuum", "--buffer-size", "8192",
    ],
    "gunicorn": ["gunicorn", "--preload", "-w", "3", "-b", "127.0.0.1:{port}", "campus_lms.wsgi:application"],
}  # fmt: skip
REQUESTS = 300  # at least; on a fast machine they end before workers are killed
KILLS = 3
RETIRE = """
from django.contrib.auth.models import User
from openedx.core.djangoapps.user_api.accounts import signals
signals.USER_RETIRE_LMS_CRITICAL.send(sender=None, user=User.objects.create(id=7, username="mira"))
"""


def is_answering(port: int) -> bool:
    try:
        return requests.get(f"http://127.0.0.1:{port}/", timeout=5).status_code == 200
    except requests.RequestException:
        return False


@pytest.mark.parametrize(("server", "intake"), [("uwsgi", "spool"), ("gunicorn", "database")])
def test_what_a_request_has_stored_outlives_its_worker(server: str, intake: str, campus: CampusSite) -> None:
    server_program(server)
    campus.configure(intake=intake, wait="5s")
    port = free_port()
    campus.start(*(word.format(port=port) for word in SERVERS[server]), CAMPUS_EARLY="yes")
    assert wait_until(lambda: is_answering(port)), campus.logs()
    workers: set[int] = set()
    threads: set[str] = set()
    answered: set[int] = set()

    def enrol(number: int) -> None:
        try:
            answer = requests.get(f"http://127.0.0.1:{port}/enrol/{number}", timeout=30).json()
        except requests.RequestException:
            return  # its worker was killed
        workers.add(answer["process"])
        threads.update(answer["threads"])
        answered.add(number)

    def enrol_many(_thread: int) -> None:
        for number in numbers:
            if number > REQUESTS and len(kills) > KILLS:
                return
            enrol(number)

    def kill_workers() -> None:
        chance = random.Random(7)
        while not ended.wait(0.3):
            if workers:
                with suppress(ProcessLookupError):  # of an answer of one that was killed
                    os.kill(chance.choice(sorted(workers)), signal.SIGKILL)
                    kills.append(True)
            workers.clear()

    kills: list[bool] = []
    numbers = itertools.count(1)  # its calls do not overlap: CPython's lock
    ended = threading.Event()
    killer = threading.Thread(target=kill_workers)
    killer.start()
    with ThreadPoolExecutor(4) as executor:
        list(executor.map(enrol_many, range(4)))
    ended.set()
    killer.join()
    campus.end()  # of all, by force
    campus.take_in()
    stored = campus.enrolments()
    assert len(stored) == len(set(stored))
    assert answered | {0} <= set(stored), campus.logs()[-3000:]
    assert len(answered) > REQUESTS / 2
    assert not threads


def test_events_and_retirements_go_through_the_platforms_celery_whose_children_are_recycled(campus: CampusSite) -> None:
    broker = redis_url()
    campus.configure(wait="5s")
    campus.take_in()  # makes the tables, as `learnrelay migrate` does
    assert campus.manage("migrate", "--run-syncdb").returncode == 0
    campus.patch("""
EVENT_TRACKING_BACKENDS["async"] = {
    "ENGINE": "eventtracking.backends.async_routing.AsyncRoutingBackend",
    "OPTIONS": {"backend_name": "async", "backends": {"learnrelay": EVENT_TRACKING_BACKENDS.pop("learnrelay")}},
}
""")
    queue = {"CAMPUS_BROKER": broker}
    redis.Redis.from_url(broker).delete("celery")
    worker = campus.start(
        "celery", "-A", "campus_lms", "worker", "-c", "2", "--max-tasks-per-child", "10", "--prefetch-multiplier=1",
        "--without-gossip", "--without-mingle", **queue,
    )  # fmt: skip
    try:
        done = campus.run("from campus_lms.events import enrol\nfor n in range(60): enrol(n)", **queue)
        assert done.returncode == 0, done.stderr
        assert wait_until(lambda: len(campus.enrolments()) == 60), campus.logs()[-3000:]
        assert campus.enrolments() == list(range(60))
        done = campus.run(RETIRE, **queue)
        assert done.returncode == 0, done.stderr
        assert wait_until(lambda: not campus.stored()), campus.logs()[-3000:]
        assert wait_until(lambda: "retirements" not in campus.manage("learnrelay", "status").stderr)
        worker.send_signal(signal.SIGTERM)
        assert worker.wait(30) == 0
    finally:
        redis.Redis.from_url(broker).delete("celery")
    assert "Unable to send" not in campus.logs() and "mira" not in campus.logs()
