"""What is lost when everything is killed: ``python -m benchmarks.faults`` prints it as JSON.

Two processes emit a log, two deliver it to an xAPI and a Caliper consumer that keep ids; all of them are killed
(SIGKILL) again and again, and the broker is killed and comes back with nothing. Then the consumers are compared with
what the pipeline says of the same log. Set-ups whose servers are not there are left out, and said so:
``redis-server`` is started by itself; LEARNRELAY_TEST_AMQP_URL, LEARNRELAY_TEST_POSTGRES_URL and
LEARNRELAY_TEST_MYSQL_URL name the others.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, nullcontext
from pathlib import Path
from typing import Any

import orjson

from learnrelay import EventError, Relay
from learnrelay.assembly.assemble import assemble
from learnrelay.config.models import Delivery
from learnrelay.config.secrets import Secret
from learnrelay.delivery.celery_engine import QUEUE, make_app
from learnrelay.outbox import Outbox
from learnrelay.outbox.outgoing import outgoing_statements
from learnrelay.pipeline.run import Pipeline

from .mysql import MYSQL, fresh_database
from .receiver import Connection, Counter
from .sample import CONFIG, DESTINATION, LEARNRELAY, ROOT, environment, event_from_line, make_log, write_site

LEASE = 3
PATIENCE = 300.0
POSTGRES = "LEARNRELAY_TEST_POSTGRES_URL"
AMQP = "LEARNRELAY_TEST_AMQP_URL"


class Consumer(Counter):
    """Stores statements by id, in a thread of its own."""

    def __init__(self) -> None:
        super().__init__(keep=False)
        self.stored: dict[str, int] = {}
        self.again = self.changed = 0
        self.port = 0
        ready = threading.Event()
        threading.Thread(target=lambda: asyncio.run(self._serve(ready)), daemon=True).start()
        ready.wait()

    async def _serve(self, ready: threading.Event) -> None:
        server = await asyncio.get_running_loop().create_server(lambda: Connection(self), "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        ready.set()
        await server.serve_forever()

    def take(self, body: bytes) -> bytes:
        """Stores what is new; what is not must be the same."""
        payload = orjson.loads(body)
        statements = payload["data"] if isinstance(payload, dict) else payload
        for statement in statements:
            content = hash(orjson.dumps(statement))
            known = self.stored.setdefault(statement["id"], content)
            self.changed += known != content
        self.statements += len(statements)
        return orjson.dumps([statement["id"] for statement in statements])


class Life:
    """Runs a process that is killed whenever ``progress`` passes the next of so many marks, and started again."""

    def __init__(self, command: list[str], marks: list[float], progress: Callable[[], float], log: Path) -> None:
        self.command, self.marks, self.progress, self.log = command, marks, progress, log
        self.kills = 0
        self._process: subprocess.Popen[bytes] | None = None
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._live, daemon=True)
        self._thread.start()

    def _live(self) -> None:
        while not self._ended.is_set():
            with self.log.open("ab") as out:
                self._process = subprocess.Popen(
                    self.command,
                    cwd=ROOT,
                    stdout=out,
                    stderr=out,
                    env=environment() | self._own(),
                    start_new_session=True,
                )
            while self._process.poll() is None and not self._ended.wait(0.005):
                if self.marks and self.progress() >= self.marks[0]:
                    self.marks.pop(0)
                    self.kills += 1
                    break
            else:
                if self._process.poll() == 0:
                    return
            self._kill()

    def _own(self) -> dict[str, str]:
        return {"LEARNRELAY_CONFIG": str(self.log.parent / "relay.toml")}

    def _kill(self) -> None:
        if self._process and self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGKILL)
        if self._process:
            self._process.wait()

    def join(self, seconds: float) -> bool:
        """Waits until the process has ended by itself."""
        self._thread.join(seconds)
        return not self._thread.is_alive()

    def end(self) -> None:
        """Kills the process for the last time."""
        self._ended.set()
        self._thread.join()
        self._kill()


def produce(config: Path, log: Path, part: int, parts: int) -> None:
    """Emits a part of a log; goes on after the last line for which emit() has returned."""
    done = log.with_suffix(f".{part}.done")
    returned = done.stat().st_size if done.exists() else 0
    with Relay.from_file(config) as relay, done.open("ab", buffering=0) as mark:
        for number, line in enumerate(log.read_bytes().splitlines()):
            if number % parts == part and number // parts >= returned:
                relay.emit(line)
                mark.write(b".")


@contextmanager
def redis_of_our_own(directory: Path) -> Iterator[tuple[str, Callable[[], None]]]:
    """Yields the URL of a Redis without a disk, and what kills it and starts it again, empty."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = ["redis-server", "--port", str(port), "--save", "", "--appendonly", "no", "--dir", str(directory)]
    running = [subprocess.Popen(command, stdout=subprocess.DEVNULL)]

    def break_it() -> None:
        running[-1].kill()
        running[-1].wait()
        time.sleep(1.0)
        running.append(subprocess.Popen(command, stdout=subprocess.DEVNULL))

    try:
        yield f"redis://127.0.0.1:{port}/0", break_it
    finally:
        running[-1].kill()
        running[-1].wait()


@contextmanager
def rabbitmq(_: Path) -> Iterator[tuple[str, Callable[[], None]]]:
    """Yields the URL of the RabbitMQ that is there, and what deletes our queue in it."""
    url = os.environ[AMQP]

    def break_it() -> None:
        with make_app(Delivery("celery", broker=Secret(url))).connection_for_write() as connection:
            connection.default_channel.queue_delete(QUEUE)

    yield url, break_it
    break_it()


@contextmanager
def postgres() -> Iterator[str]:
    """Yields the URL of a schema of our own."""
    import psycopg

    url, schema = os.environ[POSTGRES], f"faults_{uuid.uuid4().hex}"
    with psycopg.connect(url.replace("+psycopg", ""), autocommit=True) as connection:
        connection.execute(f"CREATE SCHEMA {schema}")
        yield f"{url}?options=-csearch_path%3D{schema}"
        connection.execute(f"DROP SCHEMA {schema} CASCADE")


def run(directory: Path, database: str, broker: str, break_broker: Callable[[], None] | None, kills: int) -> Any:
    """Runs one set-up, in which everything is killed ``kills`` times, the broker half-way."""
    consumers = {"xapi": Consumer(), "caliper": Consumer()}
    engine = f'engine = "celery"\nbroker = "{broker}"' if broker else 'engine = "embedded"'
    settings = f'database = "{database}"\n{engine}\nlease = "{LEASE}s"\nwait = "60s"'
    text = CONFIG.replace('database = "sqlite:///outbox.db"', settings)
    tables = [DESTINATION.format(name=name, standard=name, port=consumer.port) for name, consumer in consumers.items()]
    config, log = directory / "relay.toml", directory / "events.log"
    config.write_text(text + "".join(tables), encoding="utf-8")
    expected = what_is_expected(config, log)
    total = sum(map(len, expected.values()))
    events = len(log.read_bytes().splitlines())

    rng = random.Random(total)
    started = time.monotonic()

    def marks(end: int) -> list[float]:
        return sorted(rng.uniform(0.02, 0.95) * end for _ in range(kills))

    def emitted(part: int) -> int:
        done = log.with_suffix(f".{part}.done")
        return done.stat().st_size if done.exists() else 0

    def delivered() -> int:
        return sum(len(consumer.stored) for consumer in consumers.values())

    here = [sys.executable, "-m", "benchmarks.faults", "--produce", str(config), str(log)]
    celery = [sys.executable, "-m", "celery", "-A", "learnrelay.celery", "worker", "-c", "2"]
    worker = [*celery, "--without-mingle"] if broker else [LEARNRELAY, "worker", "--config", str(config)]
    producers = [
        Life([*here, str(part), "2"], marks(events // 2), lambda part=part: emitted(part), directory / f"emit{part}")  # type: ignore[misc]
        for part in range(2)
    ]
    names = ["-n", "a@%h"], ["-n", "b@%h"]
    workers = [
        Life([*worker, *(name if broker else [])], marks(total), delivered, directory / f"worker{name[1][0]}")
        for name in names
    ]
    broken = 0
    with ExitStack() as stack:
        outbox = Outbox.open(assemble(config).config.delivery)
        stack.callback(outbox.close)
        for life in (*producers, *workers):
            stack.callback(life.end)
        deadline = time.monotonic() + PATIENCE + events / 10
        while time.monotonic() < deadline:
            if break_broker and not broken and delivered() > total / 2:
                broken += 1
                break_broker()
            if all(life.join(0.05) for life in producers) and not any(s.waiting for s in outbox.status().values()):
                break
        status = outbox.status()
    return {
        "events": events,
        "statements": total,
        "killed": {
            "processes that emit": sum(life.kills for life in producers),
            "processes that deliver": sum(life.kills for life in workers),
            "broker": broken,
        },
        "lost": sum(len(ids - consumers[name].stored.keys()) for name, ids in expected.items()),
        "stored twice": sum(len(consumers[name].stored.keys() - ids) for name, ids in expected.items()),
        "stored in another form": sum(consumer.changed for consumer in consumers.values()),
        "sent again": sum(consumer.statements - len(consumer.stored) for consumer in consumers.values()),
        "left in the outbox": sum(counts.waiting + counts.dead + counts.conflicts for counts in status.values()),
        "seconds": round(time.monotonic() - started),
    }


def what_is_expected(config: Path, log: Path) -> dict[str, set[str]]:
    """Ids by destination, as the pipeline says them."""
    pipeline = Pipeline(assemble(config).plan)
    expected: dict[str, set[str]] = {"xapi": set(), "caliper": set()}
    for line in log.read_bytes().splitlines():
        try:
            outcomes = pipeline.process(event_from_line(line))
        except EventError:
            continue
        for outcome in outcomes:
            for parcel in outgoing_statements(outcome, None):
                for name in parcel.destinations:
                    expected[name].add(parcel.statement_id)
    return expected


def set_ups() -> dict[str, tuple[bool, Callable[[], Any], Callable[[Path], Any] | None]]:
    """Lists the set-ups: name → (is all there, database, broker)."""
    on_postgres, on_mysql = bool(os.environ.get(POSTGRES)), bool(os.environ.get(MYSQL))
    has_redis = bool(shutil.which("redis-server"))
    return {
        "sqlite-embedded": (True, lambda: nullcontext("sqlite:///outbox.db"), None),
        "postgres-embedded": (on_postgres, postgres, None),
        "postgres-celery-redis": (on_postgres and has_redis, postgres, redis_of_our_own),
        "postgres-celery-rabbitmq": (on_postgres and bool(os.environ.get(AMQP)), postgres, rabbitmq),
        "mysql-embedded": (on_mysql, fresh_database, None),
        "mysql-celery-redis": (on_mysql and has_redis, fresh_database, redis_of_our_own),
    }


def main() -> None:
    """Runs all set-ups, or those that are named."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.faults", description=__doc__)
    parser.add_argument("--only", action="append", choices=set_ups(), metavar="SET-UP", help=", ".join(set_ups()))
    parser.add_argument("--events", type=int, default=20_000)
    parser.add_argument("--kills", type=int, default=10, help="of each process")
    parser.add_argument("--write", action="store_true", help="into benchmarks/faults.json too")
    parser.add_argument("--produce", nargs=4, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.produce:
        config, log, part, parts = args.produce
        produce(Path(config), Path(log), int(part), int(parts))
        return
    os.environ.update(environment())
    logging.getLogger("learnrelay").setLevel(logging.ERROR)
    results = {}
    for name, (there, database, broker) in set_ups().items():
        if args.only and name not in args.only:
            continue
        if not there:
            results[name] = "left out: its servers are not there"
            continue
        with ExitStack() as stack:
            directory = Path(stack.enter_context(tempfile.TemporaryDirectory()))
            write_site(directory)
            make_log(directory / "events.log", args.events)
            url, break_it = stack.enter_context(broker(directory)) if broker else ("", None)
            results[name] = run(directory, stack.enter_context(database()), url, break_it, args.kills)
        print(json.dumps({name: results[name]}), file=sys.stderr, flush=True)
    print(json.dumps(results, indent=1))
    if args.write:
        (ROOT / "benchmarks" / "faults.json").write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
