"""Delivery: what emit() costs, what the outbox takes and gives, beside the bare means."""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import requests

from learnrelay import EventError, Relay
from learnrelay.config.models import Delivery
from learnrelay.delivery import EmbeddedEngine, Outbox, Parcel
from learnrelay.events import event_from_line
from learnrelay.pipeline import Pipeline, State, serialise
from learnrelay.secrets import Secret

from .sample import configure, make_log, receivers
from .timing import percentile, seconds

JSON = {"Content-Type": "application/json"}


def measure(directory: Path, quick: bool) -> dict[str, Any]:
    """Times of emit(), statements a second in and out."""
    with receivers(2) as ports:
        config = configure(directory, [("xapi", ports[0]), ("caliper", ports[1])])
        lines = make_log(directory / "20k.log", 20_000).read_bytes().splitlines()
        return {
            "emit": _emit(config, lines[: 300 if quick else 3_000]),
            "delivery": _delivery(config, lines, 2_000 if quick else 20_000),
            "outbox": _inserts(directory, 500 if quick else 5_000),
        }


def _emit(config: Path, lines: list[bytes]) -> dict[str, Any]:
    """One event that gives statements to two destinations, durable when it returns; the drains are at work."""
    (config.parent / "outbox.db").unlink(missing_ok=True)
    with Relay.from_file(config) as relay:
        mapped = [line for line in lines if _is_mapped(relay.pipeline, line)]
        times = []
        for line in mapped:
            started = time.perf_counter()
            relay.emit(line)
            times.append(time.perf_counter() - started)
    return {"emit()": _spread(times), **_celery(mapped)}


def _is_mapped(pipeline: Pipeline, line: bytes) -> bool:
    try:
        return any(outcome.state is State.TRANSFORMED for outcome in pipeline.process(event_from_line(line)))
    except EventError:
        return False


def _spread(times: list[float]) -> dict[str, float]:
    return {"p50_ms": round(percentile(times, 0.5) * 1e3, 3), "p99_ms": round(percentile(times, 0.99) * 1e3, 3)}


def _celery(lines: list[bytes]) -> dict[str, Any]:
    """``task.delay()`` with the same event, where LEARNRELAY_TEST_REDIS_URL names a Redis."""
    url = os.environ.get("LEARNRELAY_TEST_REDIS_URL")
    if not url:
        return {}
    from celery import Celery

    app = Celery("bench", broker=url)
    app.conf.task_default_queue = "learnrelay-bench"

    @app.task(name="bench.send")  # type: ignore[untyped-decorator]
    def send(line: str) -> None:
        """Never run."""

    times = []
    for line in lines:
        text = line.decode(errors="replace")
        started = time.perf_counter()
        send.delay(text)
        times.append(time.perf_counter() - started)
    app.control.purge()
    return {"task.delay() on Redis": _spread(times)}


def _delivery(config: Path, lines: list[bytes], wanted: int) -> dict[str, Any]:
    """From a full outbox to a consumer, beside a loop that posts the same batches."""
    (config.parent / "outbox.db").unlink(missing_ok=True)
    relay = Relay.from_file(config)
    pipeline, destination = Pipeline(relay.assembly.plan), relay.assembly.config.destinations["xapi_0"]
    statements: dict[str, bytes] = {}
    for line in lines:
        try:
            outcomes = pipeline.process(event_from_line(line))
        except EventError:
            continue
        for outcome in outcomes:
            if outcome.standard == "xapi":
                statements |= {one["id"]: serialise(one) for one in outcome.statements}
        if len(statements) >= wanted:
            break
    parcels = [Parcel("xapi", key, "event", payload, (destination.name,)) for key, payload in statements.items()]
    batches = [list(statements.values())[at : at + 100] for at in range(0, len(statements), 100)]

    def bare() -> None:
        with requests.Session() as session:
            for batch in batches:
                body = b"[" + b",".join(batch) + b"]"
                session.post(destination.url, data=body, headers=JSON).raise_for_status()

    best = {"bare requests": float("inf"), "outbox and drain": float("inf")}
    for _ in range(3):
        best["bare requests"] = min(best["bare requests"], seconds({"": bare}, 1, time.perf_counter)[""])
        for start in range(0, len(parcels), 500):
            relay.outbox.put(parcels[start : start + 500])
        engine = EmbeddedEngine(relay.outbox, {destination.name: destination}, relay.assembly.standards)
        started = time.perf_counter()
        engine.start()
        while not relay.outbox.queue(destination.name).at_rest():
            time.sleep(0.005)
        best["outbox and drain"] = min(best["outbox and drain"], time.perf_counter() - started)
        engine.stop()
    relay.close()
    return {name: {"statements_per_second": round(len(parcels) / took)} for name, took in best.items()}


def _inserts(directory: Path, events: int) -> dict[str, Any]:
    """Statements a second into the outbox, one and fifty a commit, beside two inserts with plain sqlite3."""
    payload = b'{"id":"%s","padding":"' + b"x" * 1100 + b'"}'
    counter = iter(range(10**9))

    def parcels(number: int) -> list[Parcel]:
        names = [f"{next(counter):036}" for _ in range(number)]
        return [Parcel("xapi", name, "event", payload % name.encode(), ("main",)) for name in names]

    (directory / "bench.db").unlink(missing_ok=True)
    (directory / "bare.db").unlink(missing_ok=True)
    outbox = Outbox.open(replace(Delivery(), database=Secret(f"sqlite:///{directory}/bench.db"), limit=10**9))
    bare = sqlite3.connect(directory / "bare.db", isolation_level=None)
    bare.execute("PRAGMA journal_mode = WAL")
    bare.execute("PRAGMA synchronous = FULL")
    bare.execute("CREATE TABLE statement (key INTEGER PRIMARY KEY, id TEXT UNIQUE, payload BLOB)")
    bare.execute("CREATE TABLE delivery (destination TEXT, id TEXT, PRIMARY KEY (destination, id)) WITHOUT ROWID")

    def put_bare(batch: list[Parcel]) -> None:
        bare.execute("BEGIN IMMEDIATE")
        rows = [(parcel.statement_id, parcel.payload) for parcel in batch]
        bare.executemany("INSERT INTO statement (id, payload) VALUES (?, ?)", rows)
        bare.executemany("INSERT INTO delivery VALUES ('main', ?)", [row[:1] for row in rows])
        bare.execute("COMMIT")

    def run(put: Callable[[list[Parcel]], None], size: int) -> Callable[[], None]:
        def go() -> None:
            for _ in range(events // size):
                put(parcels(size))

        return go

    runs = {}
    for size in (1, 50):
        runs[f"outbox, {size} a commit"] = run(outbox.put, size)
        runs[f"bare sqlite3, {size} a commit"] = run(put_bare, size)
    found = seconds(runs, 3, time.perf_counter)
    outbox.close()
    bare.close()
    return {name: {"statements_per_second": round(events / took)} for name, took in found.items()}
