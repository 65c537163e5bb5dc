"""The outbox on PostgreSQL: what a statement costs the server and its clients, and the room of those that wait.

CPU time is measured, not time: other work disturbs it less, and a model can count with it. Of several rounds the best
counts. The server must run on this machine, since the time of its processes is read from /proc.
"""

from __future__ import annotations

import multiprocessing
import os
import time
import uuid
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from multiprocessing.process import BaseProcess
from multiprocessing.synchronize import Barrier
from pathlib import Path
from typing import Any

import psycopg
from sqlalchemy import make_url

from learnrelay import Relay
from learnrelay.config.models import Delivery
from learnrelay.config.secrets import Secret
from learnrelay.delivery import EmbeddedEngine
from learnrelay.outbox import Outbox, OutgoingStatement

from .delivering import make_statements
from .sample import configure, make_log, receivers

POSTGRES = "LEARNRELAY_TEST_POSTGRES_URL"
PROCESSES = multiprocessing.get_context("spawn")
LIMIT = 10**9
PATIENCE = 600.0  # seconds; a process that fails must not leave the others waiting for ever

Costs = dict[str, float]


def measure(directory: Path, quick: bool) -> dict[str, Any]:
    """Measures CPU time of a statement on its way into the outbox and out of it; nothing where no server is given."""
    if not os.environ.get(POSTGRES):
        return {}
    events, wanted, rounds = (500, 2_000, 1) if quick else (2_000, 6_000, 3)
    best: dict[str, Costs] = {}
    for _ in range(rounds):
        out, room = _drain(directory, wanted)
        costs = {
            "in, 1 a commit, 1 emitter": _put(1, events),
            "in, 1 a commit, 4 emitters": _put(4, events),
            "in, 50 a commit": _put(1, wanted, 50),
            **out,
        }
        best = {name: min(best.get(name, row), row, key=_sum) for name, row in costs.items()}
    return {"outbox on PostgreSQL": best, "room on PostgreSQL": room}


def _sum(costs: Costs) -> float:
    return sum(costs.values())


@contextmanager
def fresh_database() -> Iterator[str]:
    """Yields the URL of a database of our own on the server."""
    url, name = make_url(os.environ[POSTGRES]), f"benchmarks_{uuid.uuid4().hex}"
    with closing(_connect(url.render_as_string(hide_password=False))) as server:
        server.execute(f"CREATE DATABASE {name}".encode())
        try:
            yield url.set(database=name).render_as_string(hide_password=False)
        finally:
            server.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())


def _connect(url: str) -> psycopg.Connection[tuple[Any, ...]]:
    return psycopg.connect(url.replace("postgresql+psycopg://", "postgresql://"), autocommit=True)


def _open(url: str) -> Outbox:
    return Outbox.open(replace(Delivery(), database=Secret(url), limit=LIMIT, wait=60.0))


def _cpu_us(pids: Iterable[int]) -> float:
    """Returns the CPU time of processes in microseconds."""
    ticks = 0
    for pid in pids:
        fields = Path(f"/proc/{pid}/stat").read_text("ascii", "replace").rpartition(")")[2].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK") * 1e6


class _Watch:
    """Measures the CPU time of processes, and of the processes of the server that work for them."""

    def __init__(self, url: str, processes: Sequence[BaseProcess]) -> None:
        self._url = url
        self._clients = [process.pid for process in processes if process.pid is not None]
        self._begin = self._read()

    def costs(self, statements: int) -> Costs:
        """Returns microseconds of the server and of the clients for each statement since this was made."""
        server, client = (end - begin for end, begin in zip(self._read(), self._begin, strict=True))
        return {"server_us": round(server / statements, 1), "client_us": round(client / statements, 1)}

    def _read(self) -> tuple[float, float]:
        with closing(_connect(self._url)) as connection:
            rows = connection.execute(
                "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
            ).fetchall()
        return _cpu_us(pid for (pid,) in rows), _cpu_us(self._clients)


@contextmanager
def _started(target: Any, number: int, *arguments: object) -> Iterator[tuple[list[BaseProcess], Barrier]]:
    """Starts processes that wait at the barrier when they are ready; they end after the block."""
    barrier = PROCESSES.Barrier(number + 1, timeout=PATIENCE)
    processes: list[BaseProcess] = [PROCESSES.Process(target=target, args=(barrier, *arguments)) for _ in range(number)]
    for process in processes:
        process.start()
    try:
        barrier.wait()
        yield processes, barrier
    finally:
        for process in processes:
            process.join()


def _put(emitters: int, events: int, a_commit: int = 1) -> Costs:
    """Measures processes that store statements at once."""
    with fresh_database() as url:
        _open(url).close()
        with _started(_emit, emitters, url, events, a_commit) as (processes, barrier):
            watch = _Watch(url, processes)
            barrier.wait()  # they begin
            barrier.wait()  # they have stored all
            costs = watch.costs(emitters * events)
            barrier.wait()  # they may end
    return costs


def _emit(barrier: Barrier, url: str, events: int, a_commit: int) -> None:
    prefix = uuid.uuid4().hex
    statements = [
        OutgoingStatement(
            "xapi", f"{prefix}{number}", "event", b'{"padding":"%s"}' % (b"x" * 1100), ("main",),
            event_time=datetime.now(UTC),
        )
        for number in range(events)
    ]  # fmt: skip
    outbox = _open(url)
    outbox.put(statements[:1])  # connects; this one is not counted, but costs next to nothing
    barrier.wait()
    barrier.wait()
    for at in range(0, events, a_commit):
        outbox.put(statements[at : at + a_commit])
    barrier.wait()
    barrier.wait()
    outbox.close()


def _drain(directory: Path, wanted: int) -> tuple[dict[str, Costs], dict[str, int]]:
    """Measures from a full outbox to a consumer, with one worker and with two, and the room of what waits."""
    lines = make_log(directory / "20k.log", 20_000).read_bytes().splitlines()
    costs: dict[str, Costs] = {}
    with receivers(1) as ports, fresh_database() as url:
        config = configure(directory, [("xapi", ports[0])])
        config.write_text(config.read_text("utf-8").replace("sqlite:///outbox.db", url), "utf-8")
        with Relay.from_file(config, engine="none") as relay:
            statements = make_statements(relay, lines, wanted, "xapi_0")
        for workers in (1, 2):
            with closing(_open(url)) as outbox, closing(_connect(url)) as server:
                logged = _fill(outbox, server, statements)
                if workers == 1:
                    (size,) = server.execute(_SIZE).fetchone() or (0,)
                    room = {"bytes": round(int(size) / wanted), "bytes_of_log": round(logged / wanted)}
            costs[f"out, {workers} worker{'s'[: workers - 1]}"] = _empty(url, config, workers, wanted)
    return costs, room


_SIZE = "SELECT sum(pg_total_relation_size(oid)) FROM pg_class WHERE relkind = 'r' AND relname LIKE 'learnrelay%'"


def _fill(outbox: Outbox, server: psycopg.Connection[tuple[Any, ...]], statements: Sequence[OutgoingStatement]) -> int:
    """Puts the statements, and returns the bytes that the server logs meanwhile, for all who use it."""
    before = server.execute("SELECT pg_current_wal_insert_lsn()").fetchone()
    for at in range(0, len(statements), 500):
        outbox.put(statements[at : at + 500])
    row = server.execute("SELECT pg_wal_lsn_diff(pg_current_wal_insert_lsn(), %s)", before).fetchone()
    return int(row[0]) if row else 0


def _empty(url: str, config: Path, workers: int, statements: int) -> Costs:
    """Measures so many processes while they deliver what waits."""
    with _started(_work, workers, config) as (processes, barrier):
        watch = _Watch(url, processes)
        barrier.wait()  # they begin
        with closing(_open(url)) as outbox:
            while not outbox.queue("xapi_0").is_idle():
                time.sleep(0.2)
            costs = watch.costs(statements)
        barrier.wait()  # they may end
    return costs


def _work(barrier: Barrier, config: Path) -> None:
    relay = Relay.from_file(config, engine="none")
    engine = EmbeddedEngine(relay.outbox, relay.assembly.config.destinations, relay.assembly.make_sink)
    barrier.wait()
    barrier.wait()
    engine.start()
    barrier.wait()
    engine.stop()
    relay.close()
