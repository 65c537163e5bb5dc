"""Delivery: what emit() costs, what the outbox takes and gives, beside the bare means."""

from __future__ import annotations

import os
import socket
import sqlite3
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import requests
from cryptography.fernet import Fernet

from learnrelay import Answer, EventError, Judgement, Relay
from learnrelay.config.models import Batch, Delivery
from learnrelay.delivery import EmbeddedEngine, Outbox, Parcel
from learnrelay.events import event_from_line
from learnrelay.kinds import moment
from learnrelay.pipeline import Pipeline, State
from learnrelay.relay import parcels_of
from learnrelay.secrets import Secret
from learnrelay.standards import Standard

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
            "delivery": _delivery(config, lines, 2_000 if quick else 15_000),
            "latency": _latency(config, lines, 50 if quick else 500),
            "neighbours": _neighbours(config, lines, 2_000 if quick else 10_000),
            "outbox": _inserts(directory, 500 if quick else 5_000),
        }


def _emit(config: Path, lines: list[bytes]) -> dict[str, Any]:
    """One event that gives statements to two destinations, durable when it returns; who delivers is at work."""
    text = config.read_text(encoding="utf-8")
    os.environ["LEARNRELAY_BENCH_KEY"] = Fernet.generate_key().decode()
    found = {}
    for name, more in {"emit()": "", "emit(), pipeline in the worker": _IN_WORKER}.items():
        config.write_text(text.replace("[delivery]\n", f"[delivery]\n{more}"), encoding="utf-8")
        (config.parent / "outbox.db").unlink(missing_ok=True)
        with Relay.from_file(config) as relay:
            mapped = [line for line in lines if _is_mapped(relay.pipeline, line)]
            times = []
            for line in mapped:
                started = time.perf_counter()
                relay.emit(line)
                times.append(time.perf_counter() - started)
        found[name] = _spread(times)
    config.write_text(text, encoding="utf-8")
    return {**found, **_celery(mapped)}


_IN_WORKER = 'pipeline = "worker"\nkey = "env:LEARNRELAY_BENCH_KEY"\n'


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
    destination = relay.assembly.config.destinations["xapi_0"]
    parcels = _parcels(relay, lines, wanted, destination.name)
    batches = [[parcel.payload for parcel in parcels[at : at + 100]] for at in range(0, len(parcels), 100)]

    def bare() -> None:
        with requests.Session() as session:
            for batch in batches:
                body = b"[" + b",".join(batch) + b"]"
                session.post(destination.url, data=body, headers=JSON).raise_for_status()

    best = {"bare requests": float("inf"), "outbox and drain": float("inf")}
    for _ in range(6):
        best["bare requests"] = min(best["bare requests"], seconds({"": bare}, 1, time.perf_counter)[""])
        for start in range(0, len(parcels), 500):
            relay.outbox.put(parcels[start : start + 500])
        engine = EmbeddedEngine(relay.outbox, {destination.name: destination}, relay.assembly.standards)
        started = time.perf_counter()
        engine.start()
        while not relay.outbox.queue(destination.name).at_rest():
            time.sleep(0.02)
        best["outbox and drain"] = min(best["outbox and drain"], time.perf_counter() - started)
        engine.stop()
    relay.close()
    return {name: {"statements_per_second": round(len(parcels) / took)} for name, took in best.items()}


def _parcels(relay: Relay, lines: list[bytes], wanted: int, *names: str) -> list[Parcel]:
    """Statements of a log for xAPI, as emit() would put them."""
    pipeline = Pipeline(relay.assembly.plan)
    found: dict[str, Parcel] = {}
    for line in lines:
        try:
            event = event_from_line(line)
            outcomes = pipeline.process(event)
        except EventError:
            continue
        for outcome in outcomes:
            if outcome.standard == "xapi":
                made = parcels_of(outcome, moment(event.body["timestamp"]))
                found |= {one.statement_id: replace(one, destinations=names) for one in made}
    if len(found) < wanted:
        raise ValueError(f"the log gives {len(found)} statements, {wanted} are wanted")
    return list(found.values())[:wanted]


def _latency(config: Path, lines: list[bytes], number: int) -> dict[str, Any]:
    """From emit() to the answer of the consumer, one statement at a time, nothing else going on; beside a bare POST."""
    (config.parent / "outbox.db").unlink(missing_ok=True)
    with Relay.from_file(config) as relay:
        destination = replace(relay.assembly.config.destinations["xapi_0"], batch=Batch(100, 0.0))
        parcels = _parcels(relay, lines, number, destination.name)
        answered = threading.Event()
        standard = _Telling(relay.assembly.standards["xapi"], answered)
        engine = EmbeddedEngine(relay.outbox, {destination.name: destination}, {"xapi": standard})  # type: ignore[dict-item]
        engine.start()
        bare, ours = [], []
        with requests.Session() as session:
            for parcel in parcels:
                time.sleep(0.01)
                started = time.perf_counter()
                session.post(destination.url, data=b"[" + parcel.payload + b"]", headers=JSON).raise_for_status()
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
    """A standard that says when an answer has come."""

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
    """A destination alone, and beside one that is dead and one that takes a second for each request."""
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
                        "dead": replace(third, name="dead", url="http://127.0.0.1:1/"),
                        "slow": replace(
                            third, name="slow", url=f"http://127.0.0.1:{slow.getsockname()[1]}/", timeout=1.0
                        ),
                    }
                    parcels = _parcels(relay, lines, wanted, *all_three)
                    for at in range(0, len(parcels), 500):
                        relay.outbox.put(parcels[at : at + 500])
                    served = {"third": all_three["third"]} if name == "alone" else all_three
                    engine = EmbeddedEngine(relay.outbox, served, relay.assembly.standards)
                    started = time.perf_counter()
                    engine.start()
                    while not relay.outbox.queue("third").at_rest():
                        time.sleep(0.02)
                    best[name] = min(best[name], time.perf_counter() - started)
                    engine.stop()
    return {name: {"statements_per_second": round(wanted / took)} for name, took in best.items()}


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
