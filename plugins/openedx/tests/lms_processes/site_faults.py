"""A site under load of which everything is killed in turns, and the count of what its consumer got."""

from __future__ import annotations

import itertools
import os
import random
import signal
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import requests

from delivery.proxy import Proxy

from .bus_patch import CONSUME, TOPIC, bus_patch
from .conftest import PROJECT, CampusSite, free_port, wait_until
from .own_servers import OwnConsumer, OwnMariaDB, OwnPostgres, OwnRedis

GUNICORN = ("gunicorn", "--preload", "-w", "3", "-b", "127.0.0.1:{port}", "campus_lms.wsgi:application")
PREFIX = "campus"
LEASE = 3
PAUSE = 0.25  # seconds between two faults
OUTAGE = 2.0  # seconds that a server is away at most
CLIENTS = 4
BACKLOG = 600.0  # seconds until what is stored somewhere must be at the consumer
DATABASES: Mapping[str, Callable[[Path], OwnMariaDB | OwnPostgres]] = {"mysql": OwnMariaDB, "postgres": OwnPostgres}


@dataclass
class FaultCount:
    """Counts a run. ``lost``: enrolments that were taken and are not stored; ``twice``: stored under two ids.

    ``taken``: answered, and no error of the event bus was logged meanwhile. ``sent_again``: statements that the
    consumer knew by their ids; it keeps the first.
    """

    requests: int = 0
    taken: int = 0
    killed: dict[str, int] = field(default_factory=dict)
    lost: int = 0
    twice: int = 0
    sent_again: int = 0
    seconds: int = 0


class Daemon:
    """A process that is started again whenever it has ended, as a container is."""

    def __init__(self, start: Callable[[], subprocess.Popen[bytes]]) -> None:
        self._start = start
        self._process = start()
        self._lock = threading.Lock()

    def kill(self) -> None:
        """Kills it."""
        with self._lock:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
            self._process = self._start()

    def revive(self) -> None:
        """Starts it where it has ended."""
        with self._lock:
            if self._process.poll() is not None:
                self._process = self._start()


class FaultySite:
    """Runs web workers, a worker of learnrelay and servers, and kills them in turns.

    The outbox is on a database behind a proxy, which cuts connections. Here the web workers store by themselves.
    """

    def __init__(self, campus: CampusSite, database: str = "mysql") -> None:
        self._campus = campus
        self._servers: list[OwnConsumer | OwnMariaDB | OwnPostgres | OwnRedis] = []
        self._consumer = OwnConsumer(campus.directory / "consumer")
        self._servers.append(self._consumer)
        self._database = DATABASES[database](campus.directory / "database")
        self._servers.append(self._database)
        self._proxy = Proxy("127.0.0.1", self._database.port)
        self._is_closed = threading.Event()
        self._reviving: threading.Thread | None = None
        self._port = free_port()
        self._pids: set[int] = set()
        self._taken: set[int] = set()
        self._count = FaultCount()
        self._random = random.Random(7)
        campus.environment["LMS_ROOT_URL"] = "https://campus.example.org"
        self.configure(database=self._database.url.replace(f":{self._database.port}/", f":{self._proxy.port}/"))
        migrated = campus.manage("learnrelay", "migrate")
        assert migrated.returncode == 0, migrated.stderr

    def configure(self, database: str) -> None:
        """Writes the operator's file, and the settings of the platform."""
        self._campus.configure(url=self._consumer.url, database=database, full="spool", lease=f"{LEASE}s")

    def daemons(self) -> dict[str, Daemon]:
        """Starts what runs beside the web workers."""
        config = str(self._campus.config)
        return {
            "workers of learnrelay": Daemon(lambda: self._campus.start("learnrelay", "worker", "--config", config)),
        }

    def faults(self) -> dict[str, Callable[[], bool | None]]:
        """Returns what kills servers, by their kind."""
        return {
            "web workers": self._kill_web_worker,
            "connections": self._proxy.cut,
            "databases": lambda: self._database.fail(self._outage()),
            "consumers": lambda: self._consumer.fail(self._outage()),
        }

    def run(self, number: int, kills: int) -> FaultCount:
        """Sends at least so many requests, until each kind of fault has come so often, and counts."""
        started = time.monotonic()
        self._campus.start(*(word.format(port=self._port) for word in GUNICORN))
        daemons = self.daemons()
        self._reviving = threading.Thread(target=self._revive, args=(daemons,), daemon=True)
        self._reviving.start()
        assert wait_until(self._is_answering), self._campus.logs()
        numbers = itertools.count(1)  # its calls do not overlap: CPython's lock
        faults = self.faults() | {name: daemon.kill for name, daemon in daemons.items()}
        causing = threading.Thread(target=self._cause_faults, args=(faults, kills))
        causing.start()

        def send(_client: int) -> None:
            for sent in numbers:
                if sent > number and not causing.is_alive():
                    return
                self._enrol(sent)

        with ThreadPoolExecutor(CLIENTS) as executor:
            list(executor.map(send, range(CLIENTS)))
        self._count.requests = next(numbers) - 1 - CLIENTS  # each client took one more, and did not send it
        wait_until(lambda: self._taken <= self._stored().keys(), BACKLOG)
        self._settle()
        stored = self._stored()
        self._count.taken = len(self._taken)
        self._count.lost = len(self._taken - stored.keys())
        self._count.twice = stored.total() - len(stored)
        self._count.sent_again = self._consumer.received.total() - len(self._consumer.received)
        self._count.seconds = round(time.monotonic() - started)
        return self._count

    def close(self) -> None:
        """Kills what still runs."""
        self._is_closed.set()
        if self._reviving:
            self._reviving.join()
        self._campus.end()
        self._proxy.close()
        for server in self._servers:
            server.kill()

    def _outage(self) -> float:
        return self._random.uniform(0.0, OUTAGE)

    def _revive(self, daemons: Mapping[str, Daemon]) -> None:
        while not self._is_closed.wait(0.2):
            for daemon in daemons.values():
                daemon.revive()

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
        if not answer["failures"]:
            self._taken.add(number)

    def _cause_faults(self, faults: Mapping[str, Callable[[], bool | None]], kills: int) -> None:
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

    def _settle(self) -> None:
        """Waits until nothing comes any more: what a killed request had stored is delivered too."""
        number = -1
        while number != (number := self._consumer.received.total()):
            time.sleep(2 * LEASE)
            self._consumer.refresh()

    def _stored(self) -> Counter[int]:
        """Counts the statements of each enrolment that the consumer keeps."""
        self._consumer.refresh()
        ids = [str(statement["object"]["id"]) for statement in self._consumer.stored.values()]
        return Counter(int(iri.partition("+N")[2].partition("+")[0]) for iri in ids)


class FaultyBusSite(FaultySite):
    """A site that sends events to its bus, whose Redis is killed too; the worker of learnrelay reads it."""

    is_nested = False

    def configure(self, database: str) -> None:
        """Writes the operator's file with an input, and the settings of the bus."""
        self._redis = OwnRedis(self._campus.directory / "redis")
        self._servers.append(self._redis)
        self._campus.patch(bus_patch(self._redis.url, PREFIX, is_nested=self.is_nested))
        super().configure(database)
        with self._campus.config.open("a", encoding="utf-8") as file:
            file.write(self.input_section())

    def input_section(self) -> str:
        """Returns what the operator's file says of the bus."""
        return (
            f'[inputs.bus]\ninput = "openedx_bus"\nurl = "{self._redis.url}"\n'
            f'topic = "{TOPIC}"\ntopic_prefix = "{PREFIX}"\n'
        )

    def faults(self) -> dict[str, Callable[[], bool | None]]:
        """Adds the broker."""
        return super().faults() | {"brokers": lambda: self._redis.fail(self._outage())}


class FaultyPlatformBusSite(FaultyBusSite):
    """A site whose own consumer of the bus, with our backend in it, stores; it is killed too."""

    is_nested = True

    def input_section(self) -> str:
        """Returns nothing: no worker of learnrelay reads the bus."""
        return ""

    def daemons(self) -> dict[str, Daemon]:
        """Adds the consumer of the bus."""
        command = ("python", str(PROJECT / "manage.py"), *CONSUME)
        return super().daemons() | {"consumers of the bus": Daemon(lambda: self._campus.start(*command))}


SITES: Mapping[str, type[FaultySite]] = {
    "in the request": FaultySite,
    "event bus, read by learnrelay": FaultyBusSite,
    "event bus, read by the platform": FaultyPlatformBusSite,
}
