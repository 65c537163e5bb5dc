"""Workers that read what a site of Open edX sends to the bus: N events are N statements, whoever is killed."""

from __future__ import annotations

import json
import os
import random
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from delivery.consumer import Consumer
from event_bus.bus_site import WORD, BusStream, bus_stream, enrolled
from relay_files import relay_toml

pytestmark = pytest.mark.slow

KILLED_BUS = """
import os, signal
from learnrelay import hookimpl
from learnrelay_openedx.event_bus.bus_input import RedisBusInput

class KilledBusInput(RedisBusInput):
    name = "killed_bus"

    def commit(self, position):
        os.kill(os.getpid(), signal.SIGKILL)

@hookimpl
def register_inputs(register):
    register(KilledBusInput)
"""


class BusReader:
    """Runs workers that read a stream and deliver to a consumer."""

    def __init__(self, directory: Path, stream: BusStream, consumer: Consumer) -> None:
        self.directory = directory
        self._stream = stream
        self._consumer = consumer
        self._started: list[subprocess.Popen[str]] = []
        (directory / "killed_bus.py").write_text(KILLED_BUS, encoding="utf-8")
        self.configure()

    def configure(self, **keys: Any) -> None:
        """Writes the operator's file; ``keys``: of the input."""
        prefix, _, topic = self._stream.name.partition("-")
        bus = {"input": "openedx_bus", "url": self._stream.url, "topic": topic, "topic_prefix": prefix, **keys}
        text = relay_toml(
            ["xapi.enrollment"],
            {"main": {"standard": "xapi", "url": self._consumer.url, "batch": {"size": 20, "interval": "50ms"}}},
            ["killed_bus.py"],
            platform={"source": "openedx"},
            delivery={"database": "sqlite:///outbox.db", "lease": "2s"},
            **{"inputs.bus": bus},
        )
        (self.directory / "relay.toml").write_text(text, encoding="utf-8")

    def start(self, *command: str) -> subprocess.Popen[str]:
        """Starts a command."""
        program = str(Path(sys.executable).parent / "learnrelay")
        process = subprocess.Popen(
            [program, *command, "--config", str(self.directory / "relay.toml")],
            env={**os.environ, "NO_COLOR": "1", "SECRET": WORD},
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        self._started.append(process)
        return process

    def stop(self) -> None:
        """Ends what still runs."""
        for process in self._started:
            process.kill()
            process.communicate()

    def run(self, *command: str) -> str:
        """Runs a command to its end."""
        process = self.start(*command)
        output, errors = process.communicate(timeout=60)
        assert process.returncode == 0, errors
        return output

    def counts(self) -> dict[str, Any]:
        """Returns the counts of events."""
        counts: dict[str, Any] = json.loads(self.run("status", "--json"))["main"]["events"]
        return counts

    def wait_for(self, number: int) -> None:
        """Waits until the consumer holds so many statements."""
        until = time.monotonic() + 60
        while len(self._consumer.stored) < number:
            assert time.monotonic() < until, f"{len(self._consumer.stored)} of {number} statements came"
            time.sleep(0.02)


class DjangoProducer:
    """Runs a site that emits events when it is asked for."""

    def __init__(self, stream: BusStream) -> None:
        prefix, _, topic = stream.name.partition("-")
        program = Path(__file__).with_name("django_producer.py")
        self._process = subprocess.Popen(
            [sys.executable, str(program), stream.url, topic, prefix],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip

    def emit(self, number: int) -> None:
        """Makes it emit events, and does not wait for them."""
        assert self._process.stdin is not None
        self._process.stdin.write(f"{number}\n")
        self._process.stdin.flush()

    def wait(self) -> int:
        """Waits for the last events, and returns how many were emitted in all."""
        output, _ = self._process.communicate(timeout=60)
        return int(output.split()[-1])


@pytest.fixture
def stream() -> Iterator[BusStream]:
    """Returns a fresh stream."""
    with bus_stream() as made:
        yield made


@pytest.fixture
def consumer() -> Iterator[Consumer]:
    """Returns a consumer that understands ids."""
    made = Consumer()
    yield made
    made.stop()


@pytest.fixture
def reader(tmp_path: Path, stream: BusStream, consumer: Consumer) -> Iterator[BusReader]:
    """Returns what runs workers."""
    made = BusReader(tmp_path, stream, consumer)
    yield made
    made.stop()


def test_as_many_statements_as_events_whoever_is_killed(
    reader: BusReader, stream: BusStream, consumer: Consumer
) -> None:
    """Two workers at a time: when the one that reads is killed, the other takes over."""
    if find_spec("edx_event_bus_redis") is None:  # it cannot be imported without the settings of a site
        pytest.skip("edx-event-bus-redis is not installed")
    site, rng = DjangoProducer(stream), random.Random(5)
    workers = [reader.start("worker"), reader.start("worker")]
    for number in range(4):
        site.emit(100)
        reader.wait_for(100 * number + rng.randint(1, 60))
        workers[0].kill()
        workers[0].communicate()
        workers = [workers[1], reader.start("worker")]
    assert site.wait() == 400
    for worker in workers:
        worker.kill()
        worker.communicate()
    reader.run("worker", "--until-empty")
    assert len(consumer.stored) == 400
    counts = reader.counts()
    assert (counts["read"], counts["unreadable"]) == (400, {})
    assert (stream.group()["lag"], stream.group()["pending"]) == (0, 0)


def test_what_is_stored_when_a_worker_is_killed_before_it_acknowledges_is_not_read_again(
    reader: BusReader, stream: BusStream, consumer: Consumer
) -> None:
    ids = stream.add(*map(enrolled, range(30)))
    reader.configure(input="killed_bus")
    worker = reader.start("worker", "--until-empty")
    worker.communicate(timeout=60)
    assert worker.returncode == -signal.SIGKILL
    assert 0 < len(consumer.stored) < 30
    assert stream.group()["last-delivered-id"] == b"0-0"
    reader.configure()
    reader.run("worker", "--until-empty")
    assert len(consumer.stored) == 30
    assert set(consumer.received.values()) == {1}
    assert reader.counts()["read"] == 30
    assert stream.group()["last-delivered-id"] == ids[-1]


def test_a_worker_that_wakes_up_after_its_lease_takes_nothing_from_its_successor(
    reader: BusReader, stream: BusStream, consumer: Consumer
) -> None:
    worker = reader.start("worker")
    stream.add(enrolled(0))
    reader.wait_for(1)
    worker.send_signal(signal.SIGSTOP)
    successor = reader.start("worker")
    stream.add(*map(enrolled, range(1, 50)))
    reader.wait_for(50)
    worker.send_signal(signal.SIGCONT)
    for number in range(50, 150):
        stream.add(enrolled(number))
        time.sleep(0.01)
    reader.wait_for(150)
    for process in (worker, successor):
        process.terminate()
        process.communicate(timeout=30)
    reader.run("worker", "--until-empty")
    assert len(consumer.stored) == 150
    assert reader.counts()["read"] == 150


def test_what_was_trimmed_and_what_cannot_be_read_is_in_the_counts(
    reader: BusReader, stream: BusStream, consumer: Consumer
) -> None:
    stream.add(enrolled(0))
    reader.run("worker", "--until-empty")
    stream.add(*map(enrolled, range(1, 40)), most=30)
    stream.add_fields({"event_data": b"\xff"}, most=30)
    reader.run("worker", "--until-empty")
    assert len(consumer.stored) == 1 + 29
    counts = reader.counts()
    assert counts["read"] == 41
    assert counts["unreadable"] == {
        "Redis trimmed the stream before the entry was read": 10,
        "the entry holds no record of a tracking event": 1,
    }


def test_a_silent_redis_holds_up_no_end(reader: BusReader) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as silent:
        reader.configure(url=f"redis://:{WORD}@127.0.0.1:{silent.getsockname()[1]}/0")
        worker = reader.start("worker")
        silent.accept()
        time.sleep(0.5)
        worker.terminate()
        began = time.monotonic()
        _, errors = worker.communicate(timeout=60)
        assert time.monotonic() - began < 15
    assert WORD not in errors.replace("SECRET", "")
