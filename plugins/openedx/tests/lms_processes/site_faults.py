"""A site under load whose processes and connections are killed, and the count of what its consumer got."""

from __future__ import annotations

import itertools
import os
import random
import signal
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field

import requests

from delivery.consumer import Consumer
from delivery.proxy import Proxy

from .conftest import CampusSite, free_port, wait_until

GUNICORN = ("gunicorn", "--preload", "-w", "3", "-b", "127.0.0.1:{port}", "campus_lms.wsgi:application")
LEASE = 3
PAUSE = 0.25  # seconds between two faults
CLIENTS = 4


@dataclass
class FaultCount:
    """Counts a run. ``lost``: enrolments that were answered and are not stored; ``twice``: stored under two ids.

    ``sent_again``: statements that the consumer knew by their ids; it keeps the first.
    """

    requests: int = 0
    answered: int = 0
    killed: dict[str, int] = field(default_factory=dict)
    lost: int = 0
    twice: int = 0
    sent_again: int = 0
    seconds: int = 0


class FaultySite:
    """Runs web workers and a worker of learnrelay on a database behind a proxy, and kills them in turns."""

    def __init__(self, campus: CampusSite, database_url: str, consumer: Consumer) -> None:
        self._campus, self._consumer = campus, consumer
        self._proxy = Proxy.before(database_url)
        address = database_url.replace(":5432/", f":{self._proxy.port}/").replace(":3306/", f":{self._proxy.port}/")
        campus.configure(url=consumer.url, database=address, full="spool", lease=f"{LEASE}s")
        campus.environment["LMS_ROOT_URL"] = "https://campus.example.org"
        migrated = campus.manage("learnrelay", "migrate")
        assert migrated.returncode == 0, migrated.stderr
        self._port = free_port()
        self._pids: set[int] = set()
        self._answered: set[int] = set()
        self._count = FaultCount()
        self._random = random.Random(7)

    def run(self, number: int, kills: int) -> FaultCount:
        """Sends at least so many requests, until each kind of fault has come so often, and counts."""
        started = time.monotonic()
        self._campus.start(*(word.format(port=self._port) for word in GUNICORN))
        self._start_worker()
        assert wait_until(self._is_answering), self._campus.logs()
        numbers = itertools.count(1)  # its calls do not overlap: CPython's lock
        faults = threading.Thread(target=self._cause_faults, args=(kills,))
        faults.start()

        def send(_client: int) -> None:
            for sent in numbers:
                if sent > number and not faults.is_alive():
                    return
                self._enrol(sent)

        with ThreadPoolExecutor(CLIENTS) as executor:
            list(executor.map(send, range(CLIENTS)))
        self._count.requests = next(numbers) - 1 - CLIENTS  # each client took one more, and did not send it
        wait_until(lambda: self._answered <= set(self._stored()))
        self._settle()
        stored = self._stored()
        self._count.answered = len(self._answered)
        self._count.lost = len(self._answered - stored.keys())
        self._count.twice = sum(stored.values()) - len(stored)
        self._count.sent_again = self._consumer.received.total() - len(self._consumer.received)
        self._count.seconds = round(time.monotonic() - started)
        return self._count

    def close(self) -> None:
        """Kills what still runs."""
        self._campus.end()
        self._proxy.close()

    def _is_answering(self) -> bool:
        with suppress(requests.RequestException):
            return requests.get(f"http://127.0.0.1:{self._port}/", timeout=5).status_code == 200
        return False

    def _enrol(self, number: int) -> None:
        try:
            answer = requests.get(f"http://127.0.0.1:{self._port}/enrol/{number}", timeout=30).json()
        except requests.RequestException:
            return  # its web worker was killed
        self._pids.add(answer["process"])
        self._answered.add(number)

    def _start_worker(self) -> None:
        self._worker = self._campus.start("learnrelay", "worker", "--config", str(self._campus.config))

    def _cause_faults(self, kills: int) -> None:
        faults = {
            "web workers": self._kill_web_worker,
            "connections": self._proxy.cut,
            "workers of learnrelay": self._kill_worker,
        }
        for name in [*faults] * kills:
            time.sleep(PAUSE)
            if faults[name]() is not False:
                self._count.killed[name] = self._count.killed.get(name, 0) + 1

    def _kill_web_worker(self) -> bool:
        wait_until(lambda: bool(self._pids))
        process = self._random.choice(sorted(self._pids))
        self._pids.clear()
        with suppress(ProcessLookupError):  # of an answer of one that was killed
            os.kill(process, signal.SIGKILL)
            return True
        return False

    def _kill_worker(self) -> None:
        os.killpg(self._worker.pid, signal.SIGKILL)
        self._worker.wait()
        self._start_worker()

    def _settle(self) -> None:
        """Waits until nothing comes any more: what a killed request had stored is delivered too."""
        number = -1
        while number != (number := self._consumer.received.total()):
            time.sleep(2 * LEASE)

    def _stored(self) -> Counter[int]:
        """Counts the statements of each enrolment that the consumer keeps."""
        ids = [str(statement["object"]["id"]) for statement in list(self._consumer.stored.values())]
        return Counter(int(iri.partition("+N")[2].partition("+")[0]) for iri in ids)
