"""Delivery: what emit() costs, what the outbox takes and gives, beside the bare means."""

from __future__ import annotations

import os
import socket
import sqlite3
import subprocess
import sys
import threading
import time
import uuid
import zlib
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import clickhouse_connect
import requests
from cryptography.fernet import Fernet

from learnrelay import Answer, EventError, Judgement, Relay, SerializedStatement, Verdict
from learnrelay.auth import Auth
from learnrelay.config.models import BatchLimits, Delivery, Destination
from learnrelay.config.secrets import Secret
from learnrelay.core_auth.constant import BasicAuth
from learnrelay.core_sinks.files import FilesSection, FilesSink
from learnrelay.core_sinks.http import HttpSink
from learnrelay.delivery import EmbeddedEngine
from learnrelay.kinds import moment
from learnrelay.outbox import Outbox, OutgoingStatement
from learnrelay.outbox.outgoing import outgoing_statements
from learnrelay.pipeline.run import OutcomeState, Pipeline
from learnrelay.sinks import Batch
from learnrelay.standards import Standard

from .sample import configure, event_from_line, make_log, receivers
from .timing import in_turns, percentile, seconds

JSON = {"Content-Type": "application/json"}


def measure(directory: Path, quick: bool) -> dict[str, Any]:
    """Times of emit(), statements a second in and out."""
    with receivers(2) as ports:
        config = configure(directory, [("xapi", ports[0]), ("caliper", ports[1])])
        lines = make_log(directory / "20k.log", 20_000).read_bytes().splitlines()
        return {
            "emit": _emit(config, lines[: 300 if quick else 3_000]),
            "delivery": _delivery(config, lines, 2_000 if quick else 15_000),
            "latency": _latency(config, lines, 50 if quick else 500),
            "neighbours": _neighbours(config, lines, 2_000 if quick else 10_000),
            "outbox": _inserts(directory, 500 if quick else 5_000),
            "ClickHouse": _clickhouse(config, lines, 2_000 if quick else 15_000),
            "files": _files(config, lines, 2_000 if quick else 15_000),
        }


def _emit(config: Path, lines: list[bytes]) -> dict[str, Any]:
    """Measures emit() with one event for two destinations, durable when it returns, while somebody delivers."""
    text = config.read_text(encoding="utf-8")
    os.environ["LEARNRELAY_BENCH_KEY"] = Fernet.generate_key().decode()
    results = {}
    for name, more in {"emit()": "", "emit(), pipeline in the worker": _IN_WORKER}.items():
        config.write_text(text.replace("[delivery]\n", f"[delivery]\n{more}"), encoding="utf-8")
        (config.parent / "outbox.db").unlink(missing_ok=True)
        with Relay.from_file(config) as relay:
            mapped = [line for line in lines if is_mapped(relay.pipeline, line)]
            times = []
            for line in mapped:
                started = time.perf_counter()
                relay.emit(line)
                times.append(time.perf_counter() - started)
        results[name] = _spread(times)
    config.write_text(text, encoding="utf-8")
    return {**results, **_celery(mapped)}


_IN_WORKER = 'pipeline = "worker"\nkey = "env:LEARNRELAY_BENCH_KEY"\n'


def is_mapped(pipeline: Pipeline, line: bytes) -> bool:
    """Tells whether a statement is made of a line."""
    try:
        return any(outcome.state is OutcomeState.TRANSFORMED for outcome in pipeline.process(event_from_line(line)))
    except EventError:
        return False


def _spread(times: list[float]) -> dict[str, float]:
    return {"p50_ms": round(percentile(times, 0.5) * 1e3, 3), "p99_ms": round(percentile(times, 0.99) * 1e3, 3)}


def _celery(lines: list[bytes]) -> dict[str, Any]:
    """Measures ``task.delay()`` with the same event, where LEARNRELAY_TEST_REDIS_URL names a Redis."""
    url = os.environ.get("LEARNRELAY_TEST_REDIS_URL")
    if not url:
        return {}
    from celery import Celery

    app = Celery("bench", broker=url)
    app.conf.task_default_queue = "learnrelay-bench"

    @app.task(name="bench.send")  # type: ignore[untyped-decorator]
    def send(line: str) -> None:
        """Does nothing: no worker runs it."""

    times = []
    for line in lines:
        text = line.decode(errors="replace")
        started = time.perf_counter()
        send.delay(text)
        times.append(time.perf_counter() - started)
    app.control.purge()
    return {"task.delay() on Redis": _spread(times)}


def _delivery(config: Path, lines: list[bytes], wanted: int) -> dict[str, Any]:
    """Measures from a full outbox to a consumer, beside a loop that posts the same batches."""
    (config.parent / "outbox.db").unlink(missing_ok=True)
    relay = Relay.from_file(config)
    destination = relay.assembly.config.destinations["xapi_0"]
    parcels = make_statements(relay, lines, wanted, destination.name)
    batches = [[parcel.payload for parcel in parcels[at : at + 100]] for at in range(0, len(parcels), 100)]

    def bare() -> None:
        with requests.Session() as session:
            for batch in batches:
                body = b"[" + b",".join(batch) + b"]"
                session.post(destination.address, data=body, headers=JSON).raise_for_status()

    best = {"bare requests": float("inf"), "outbox and drain": float("inf")}
    for _ in range(6):
        best["bare requests"] = min(best["bare requests"], seconds({"": bare}, 1, time.perf_counter)[""])
        for start in range(0, len(parcels), 500):
            relay.outbox.put(parcels[start : start + 500])
        engine = EmbeddedEngine(relay.outbox, {destination.name: destination}, relay.assembly.make_sink)
        started = time.perf_counter()
        engine.start()
        while not relay.outbox.queue(destination.name).is_idle():
            time.sleep(0.02)
        best["outbox and drain"] = min(best["outbox and drain"], time.perf_counter() - started)
        engine.stop()
    relay.close()
    return {name: {"statements_per_second": round(len(parcels) / took)} for name, took in best.items()}


def make_statements(relay: Relay, lines: list[bytes], wanted: int, *names: str) -> list[OutgoingStatement]:
    """Makes the statements of a log for xAPI, as emit() would put them."""
    pipeline = Pipeline(relay.assembly.plan)
    statements: dict[str, OutgoingStatement] = {}
    for line in lines:
        try:
            event = event_from_line(line)
            outcomes = pipeline.process(event)
        except EventError:
            continue
        for outcome in outcomes:
            if outcome.standard == "xapi":
                made = outgoing_statements(outcome, moment(event.body["timestamp"]))
                statements |= {statement.statement_id: statement._replace(destinations=names) for statement in made}
    if len(statements) < wanted:
        raise ValueError(f"the log gives {len(statements)} statements, {wanted} are wanted")
    return list(statements.values())[:wanted]


def _latency(config: Path, lines: list[bytes], number: int) -> dict[str, Any]:
    """Measures from emit() to the consumer's answer, one statement at a time on an idle machine, beside a bare POST."""
    (config.parent / "outbox.db").unlink(missing_ok=True)
    with Relay.from_file(config) as relay:
        destination = replace(relay.assembly.config.destinations["xapi_0"], batch=BatchLimits(100, 0.0))
        parcels = make_statements(relay, lines, number, destination.name)
        answered = threading.Event()
        standard = _Telling(relay.assembly.standards["xapi"], answered)
        engine = EmbeddedEngine(
            relay.outbox,
            {destination.name: destination},
            lambda to: HttpSink(to.settings, standard, to),  # type: ignore[arg-type]
        )
        engine.start()
        bare, ours = [], []
        with requests.Session() as session:
            for parcel in parcels:
                time.sleep(0.01)
                started = time.perf_counter()
                session.post(destination.address, data=b"[" + parcel.payload + b"]", headers=JSON).raise_for_status()
                bare.append(time.perf_counter() - started)
                answered.clear()
                time.sleep(0.01)
                started = time.perf_counter()
                relay.outbox.put([parcel])
                engine.wake(destination.name)
                answered.wait(10)
                ours.append(time.perf_counter() - started)
        engine.stop()
    return {"bare POST": _spread(bare), "outbox to consumer": _spread(ours)}


class _Telling:
    """Records when an answer has come."""

    def __init__(self, standard: Standard, answered: threading.Event) -> None:
        self._standard = standard
        self._answered = answered

    def __getattr__(self, name: str) -> Any:
        return getattr(self._standard, name)

    def judge(self, answer: Answer) -> Judgement:
        judgement = self._standard.judge(answer)
        self._answered.set()
        return judgement


def _neighbours(config: Path, lines: list[bytes], wanted: int) -> dict[str, Any]:
    """Measures a destination alone, and beside one that is dead and one that takes a second for each request."""
    with socket.create_server(("127.0.0.1", 0)) as slow:  # it takes connections and never answers
        best = {"alone": float("inf"), "beside a dead and a slow one": float("inf")}
        for _ in range(3):
            for name in tuple(best):
                for file in config.parent.glob("outbox.db*"):
                    file.unlink()
                with Relay.from_file(config) as relay:
                    third = relay.assembly.config.destinations["xapi_0"]
                    all_three = {
                        "third": replace(third, name="third"),
                        "dead": _move(third, "dead", "http://127.0.0.1:1/"),
                        "slow": replace(
                            _move(third, "slow", f"http://127.0.0.1:{slow.getsockname()[1]}/"), timeout=1.0
                        ),
                    }
                    parcels = make_statements(relay, lines, wanted, *all_three)
                    for at in range(0, len(parcels), 500):
                        relay.outbox.put(parcels[at : at + 500])
                    served = {"third": all_three["third"]} if name == "alone" else all_three
                    engine = EmbeddedEngine(relay.outbox, served, relay.assembly.make_sink)
                    started = time.perf_counter()
                    engine.start()
                    while not relay.outbox.queue("third").is_idle():
                        time.sleep(0.02)
                    best[name] = min(best[name], time.perf_counter() - started)
                    engine.stop()
    return {name: {"statements_per_second": round(wanted / took)} for name, took in best.items()}


def _files(config: Path, lines: list[bytes], wanted: int) -> dict[str, Any]:
    """Batches into compressed files by the sink, beside a loop that compresses the same, as durably.

    A file that is written is on the disk when it, and the folder with its name, are synced. The sink renames it too,
    so that a file that has its name is whole.
    """
    (config.parent / "outbox.db").unlink(missing_ok=True)
    with Relay.from_file(config) as relay:
        parcels = make_statements(relay, lines, wanted, "archive")
    statements = [SerializedStatement(parcel.statement_id, parcel.payload) for parcel in parcels]
    settings = FilesSection().load({"folder": str(config.parent / "sink")})
    sink = FilesSink(
        settings, relay.assembly.standards["xapi"], Destination("archive", "xapi", "all", "files", settings)
    )
    sink.open()
    bare = config.parent / "bare"
    bare.mkdir(exist_ok=True)
    numbers = iter(range(10**9))

    def write_bare(batch: list[SerializedStatement]) -> None:
        compressor = zlib.compressobj(1, zlib.DEFLATED, 31)
        content = b"".join(statement.content + b"\n" for statement in batch)
        with (bare / f"{next(numbers)}.jsonl.gz").open("wb") as file:
            file.write(compressor.compress(content) + compressor.flush())
            file.flush()
            os.fsync(file.fileno())
        folder = os.open(bare, os.O_RDONLY)
        os.fsync(folder)
        os.close(folder)

    def write_by_sink(batch: list[SerializedStatement]) -> None:
        assert sink.send(Batch(batch, str(next(numbers)), datetime.now(UTC))).verdict is Verdict.STORED

    results: dict[str, Any] = {}
    for size in (1000, 100):
        batches = [statements[at : at + size] for at in range(0, wanted, size)]
        runs = {f"bare compressed files of {size:,}": write_bare, f"sink files of {size:,}": write_by_sink}
        results |= _rates_in_turns(in_turns(runs, batches, 5), wanted)
    return results


def _rates_in_turns(times: dict[str, dict[str, float]], wanted: int) -> dict[str, Any]:
    return {
        name: {
            "statements_per_second": round(wanted / of_run["clock"]),
            "cpu_us_per_statement": round(of_run["cpu"] / wanted * 1e6, 1),
        }
        for name, of_run in times.items()
    }


def _clickhouse(config: Path, lines: list[bytes], wanted: int) -> dict[str, Any]:
    """Batches of a thousand into ClickHouse by the sink, beside inserts of ready columns by its own client.

    CPU time is that of this process and of the server: what one core would need for both.
    Empty where chdb is not installed.
    """
    if find_spec("chdb") is None:
        return {}
    from learnrelay_clickhouse.rows import COLUMNS, TYPES, make_columns
    from learnrelay_clickhouse.sink import ClickHouseSink
    from learnrelay_clickhouse.tables import list_statements

    (config.parent / "outbox.db").unlink(missing_ok=True)
    with Relay.from_file(config) as relay:
        parcels = make_statements(relay, lines, wanted, "aspects")
        standard = relay.assembly.standards["xapi"]
    statements = [SerializedStatement(parcel.statement_id, parcel.payload) for parcel in parcels]
    script = Path(__file__).parents[1] / "plugins/clickhouse/tests/clickhouse_server.py"
    folder = config.parent / "clickhouse"
    folder.mkdir(exist_ok=True)
    server = subprocess.Popen(
        [sys.executable, script, folder, "0", "none"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    try:
        assert server.stdout is not None
        url = f"http://127.0.0.1:{int(server.stdout.readline())}"
        basic = Auth(BasicAuth, {"username": "relay", "password": Secret("none")})
        keys = {"url": url, "table": "openedx.xapi_events_all"}
        settings = {**ClickHouseSink.settings_schema().load(keys), "auth": basic}
        sink = ClickHouseSink(settings, standard, Destination("aspects", "xapi", "all", "clickhouse", settings))
        sink.open()
        bare = clickhouse_connect.get_client(
            host="127.0.0.1", port=int(url.rpartition(":")[2]), username="relay", password="none"
        )
        for sql in list_statements("openedx.xapi_events_all", "aspects"):
            bare.command(sql)
        bare.command("CREATE TABLE openedx.bare AS openedx.xapi_events_all")
        batches = [statements[at : at + 1000] for at in range(0, wanted, 1000)]
        ready = [make_columns(batch, lambda _: True)[0].values() for batch in batches]

        def insert_bare(number: int) -> None:
            bare.insert(
                "openedx.bare", ready[number], COLUMNS, column_type_names=TYPES, column_oriented=True,
                settings={"insert_deduplication_token": uuid.uuid4().hex, "async_insert": 0},
            )  # fmt: skip

        def insert_by_sink(number: int) -> None:
            batch = Batch(batches[number], uuid.uuid4().hex, datetime.now(UTC))
            assert sink.send(batch).verdict is Verdict.STORED

        def cpu_clock() -> float:
            of_server = time.clock_gettime((~server.pid << 3) | 2)  # Linux: the CPU time of another process
            return time.process_time() + of_server

        runs = {"bare inserts": insert_bare, "sink clickhouse": insert_by_sink}
        times = in_turns(runs, range(len(batches)), 5, cpu_clock)
        sink.close()
        bare.close()
    finally:
        server.kill()
    return _rates_in_turns(times, wanted)


def _move(destination: Destination, name: str, url: str) -> Destination:
    return replace(destination, name=name, settings={**destination.settings, "url": url}, address=url)


def _inserts(directory: Path, events: int) -> dict[str, Any]:
    """Measures statements a second into the outbox, one and fifty a commit, beside two inserts with plain sqlite3."""
    payload = b'{"id":"%s","padding":"' + b"x" * 1100 + b'"}'
    counter = iter(range(10**9))

    def parcels(number: int) -> list[OutgoingStatement]:
        names = [f"{next(counter):036}" for _ in range(number)]
        return [OutgoingStatement("xapi", name, "event", payload % name.encode(), ("main",)) for name in names]

    (directory / "bench.db").unlink(missing_ok=True)
    (directory / "bare.db").unlink(missing_ok=True)
    outbox = Outbox.open(replace(Delivery(), database=Secret(f"sqlite:///{directory}/bench.db"), limit=10**9))
    bare = sqlite3.connect(directory / "bare.db", isolation_level=None)
    bare.execute("PRAGMA journal_mode = WAL")
    bare.execute("PRAGMA synchronous = FULL")
    bare.execute("CREATE TABLE statement (key INTEGER PRIMARY KEY, id TEXT UNIQUE, payload BLOB)")
    bare.execute("CREATE TABLE delivery (destination TEXT, id TEXT, PRIMARY KEY (destination, id)) WITHOUT ROWID")

    def put_bare(batch: list[OutgoingStatement]) -> None:
        bare.execute("BEGIN IMMEDIATE")
        rows = [(parcel.statement_id, parcel.payload) for parcel in batch]
        bare.executemany("INSERT INTO statement (id, payload) VALUES (?, ?)", rows)
        bare.executemany("INSERT INTO delivery VALUES ('main', ?)", [row[:1] for row in rows])
        bare.execute("COMMIT")

    def run(put: Callable[[list[OutgoingStatement]], object], size: int) -> Callable[[], None]:
        def go() -> None:
            for _ in range(events // size):
                put(parcels(size))

        return go

    runs = {}
    for size in (1, 50):
        runs[f"outbox, {size} a commit"] = run(outbox.put, size)
        runs[f"bare sqlite3, {size} a commit"] = run(put_bare, size)
    timings = seconds(runs, 3, time.perf_counter)
    outbox.close()
    bare.close()
    return {name: {"statements_per_second": round(events / took)} for name, took in timings.items()}
