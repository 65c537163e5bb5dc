"""A replay on many machines: real Celery workers on real brokers; all of them may be killed, and brokers emptied."""

from __future__ import annotations

import gzip
import os
import secrets
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import zstandard
from kombu.connection import Connection

from delivery.consumer import Consumer
from learnrelay.replay.fleet import QUEUE

from .conftest import SECRET, Logs, Replay, ids_in, kill, reaches

REDIS = os.environ.get("LEARNRELAY_TEST_REDIS_URL", "")
AMQP = os.environ.get("LEARNRELAY_TEST_AMQP_URL", "")
BROKERS = {"redis": REDIS, "rabbitmq": AMQP}


@pytest.fixture(params=BROKERS)
def broker(request: pytest.FixtureRequest) -> str:
    """Its URL; empty to begin with."""
    url = BROKERS[request.param]
    if not url:
        pytest.skip(f"no URL of a {request.param} for tests")
    empty(url)
    return url


def _connection(url: str) -> Any:
    return Connection(url)  # type: ignore[no-untyped-call]


def empty(url: str) -> None:
    """Take all tasks out of a broker, and all that Redis knows besides."""
    with _connection(url) as connection, connection.channel() as channel:
        if url.startswith("redis"):
            channel.client.flushdb()
        else:
            channel.queue_declare(QUEUE, durable=True, auto_delete=False)
            channel.queue_purge(QUEUE)


@contextmanager
def machine(replay: Replay, processes: int = 2, **environment: str) -> Iterator[subprocess.Popen[bytes]]:
    """A worker. RabbitMQ wants a name of its own for each."""
    celery = str(Path(sys.executable).with_name("celery"))
    process = subprocess.Popen(
        [celery, "-A", "learnrelay.replay.celery_app", "worker",
         "-c", str(processes), "-n", f"{secrets.token_hex(4)}@%h"],
        env={**replay.environment, "LEARNRELAY_CONFIG": str(replay.config), **environment}, start_new_session=True,
        cwd=replay.directory, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        yield process
    finally:
        if process.poll() is None:
            kill(process)


def with_broker(replay: Replay, url: str) -> None:
    text = replay.config.read_text(encoding="utf-8")
    replay.config.write_text(text.replace("[delivery]\n", f'[delivery]\nbroker = "{url}"\n'), encoding="utf-8")


def test_two_machines_do_what_one_does(replay: Replay, logs: Logs, broker: str, tmp_path: Path) -> None:
    with_broker(replay, broker)
    bad = [b"{broken\n"] * 20
    expected = logs("a.log", 12_000, *bad)
    expected += logs("b.log.gz", 3_000, *bad, packed=gzip.compress)
    expected += logs("c.log.zst", 3_000, packed=zstandard.compress)
    files = [tmp_path / name for name in ("a.log", "b.log.gz", "c.log.zst")]
    here = replay(*files, "--output", tmp_path / "here", "--since", "2026-03-01")
    records = replay.records()
    with machine(replay), machine(replay):
        there = replay(*files, "--output", tmp_path / "there", "--since", "2026-03-01", "--fleet")
    assert there.told == here.told
    assert ids_in(tmp_path / "there") == ids_in(tmp_path / "here") == expected
    assert replay.records() == records
    there.summary.pop("this_run"), here.summary.pop("this_run")
    assert there.summary == here.summary


def test_whatever_dies_nothing_is_lost_and_nothing_stored_twice(
    replay: Replay, logs: Logs, consumer: Consumer, broker: str, tmp_path: Path
) -> None:
    replay.configure(main=consumer.url)
    with_broker(replay, broker)
    bad = [b"{broken\n"] * 20
    expected = logs("a.log", 24_000, *bad) + logs("b.log.gz", 6_000, *bad, packed=gzip.compress)
    files = (tmp_path / "a.log", tmp_path / "b.log.gz")

    def slow(ids: list[str]) -> None:
        threading.Event().wait(0.02)

    def more(requests: int) -> None:
        reaches(lambda: len(consumer.requests) + going(), len(consumer.requests) + requests)

    def going() -> int:
        assert asking.poll() is None, asking.communicate()
        return 0

    consumer.behave = slow
    with machine(replay) as first, machine(replay):
        asking = replay.start(*files, "--fleet")
        more(100)
        children = Path(f"/proc/{first.pid}/task/{first.pid}/children").read_text(encoding="ascii").split()
        os.kill(int(children[-1]), signal.SIGKILL)  # one process, as when memory runs out
        more(50)
        kill(first)
        more(50)
        kill(asking)
        asking = replay.start(*files, "--fleet")
        more(100)
        empty(broker)
        more(50)
        kill(asking)
        assert len(consumer.stored) < len(expected)
        consumer.behave = lambda ids: None
        asking = replay.start(*files, "--fleet")
        reaches(lambda: len(consumer.stored), len(consumer.stored) + 1)
        empty(broker)
        asking.communicate(timeout=300)
        assert asking.returncode == 1, "the broken lines"
        run = replay(*files, "--fleet")  # is all of it done?
    assert run.summary["this_run"]["lines"] == 0
    assert run.summary["read"] == len(expected) + 40
    assert run.summary["destinations"]["main"]["stored"] == len(expected)
    assert len(replay.records()) == 40
    assert set(consumer.stored) == set(expected)
    assert len(consumer.order) == len(expected), "stored twice"


def test_a_word_from_before_is_not_about_what_a_log_has_since(
    replay: Replay, logs: Logs, consumer: Consumer, broker: str, tmp_path: Path
) -> None:
    replay.configure(main=f'{consumer.url}\nretry = {{ backoff = "50ms", ceiling = "200ms" }}')
    with_broker(replay, broker)
    expected = logs("log", 100)
    consumer.behave = lambda ids: 503
    with machine(replay, processes=1):
        asking = replay.start(tmp_path / "log", "--fleet")
        reaches(lambda: len(consumer.requests), 3)
        kill(asking)
        expected += logs("more", 50)
        with (tmp_path / "log").open("ab") as log:
            log.write((tmp_path / "more").read_bytes())
        asking = replay.start(tmp_path / "log", "--fleet")
        reaches(lambda: tasks(broker), 1)
        consumer.behave = lambda ids: None
        asking.communicate(timeout=120)
        assert asking.returncode == 0
        assert set(consumer.stored) == set(expected)
        assert replay(tmp_path / "log", "--fleet").summary["read"] == 150


def test_two_conductors_at_once(replay: Replay, logs: Logs, consumer: Consumer, broker: str, tmp_path: Path) -> None:
    """Of the same replay one is refused; two with states of their own share the workers and do no harm."""
    replay.configure(main=consumer.url)
    with_broker(replay, broker)
    expected = logs("a.log", 6_000) + logs("b.log.gz", 2_000, packed=gzip.compress)
    arguments = (tmp_path / "a.log", tmp_path / "b.log.gz", "--fleet", "--to", "main")
    with machine(replay), machine(replay):
        mine = [replay.start(*arguments) for _ in range(2)]
        other = replay.start(*reversed(arguments[:2]), *arguments[2:], "--state", tmp_path / "other")
        told = {process.communicate(timeout=100)[1] for process in mine}
        assert sorted(process.returncode for process in mine) == [0, 1]
        assert any(b"the same replay is running already" in one for one in told)
        other.communicate(timeout=100)
        assert other.returncode == 0
        for state in ("learnrelay-replay", "other"):
            run = replay(*arguments, "--state", tmp_path / state)
            assert (run.summary["this_run"]["lines"], run.summary["read"]) == (0, 8_000)
            assert run.summary["destinations"] == {"main": {"stored": 8_000}}
    assert set(consumer.stored) == set(expected)
    assert len(consumer.order) == len(expected), "stored twice"


def test_other_settings_and_other_secrets_are_refused(replay: Replay, logs: Logs, broker: str, tmp_path: Path) -> None:
    with_broker(replay, broker)
    logs("a.log", 10)
    arguments = (tmp_path / "a.log", "--output", tmp_path / "out", "--fleet")
    with machine(replay, **{SECRET: "t" * 32}):
        run = replay(*arguments)
    assert run.code == 2
    assert "secrets, tables or plugins are not those of who asks" in run.told
    with machine(replay):
        assert replay(*arguments).code == 0
        text = replay.config.read_text(encoding="utf-8")
        replay.config.write_text(text.replace("learn.example.org", "other.example.org"), encoding="utf-8")
        run = replay(*arguments)
    assert run.code == 2
    assert "not those of who asks" in run.told


def test_a_log_that_a_machine_does_not_have(replay: Replay, logs: Logs, broker: str, tmp_path: Path) -> None:
    with_broker(replay, broker)
    expected = logs("a.log", 2000) + logs("b.log", 2000)
    arguments = (tmp_path / "a.log", tmp_path / "b.log", "--output", tmp_path / "out", "--fleet")
    asking = replay.start(*arguments)
    state = tmp_path / "learnrelay-replay"
    reaches(lambda: len(list(state.glob("*.db"))), 1)
    reaches(lambda: tasks(broker), 8)
    content = (tmp_path / "b.log").read_bytes()
    (tmp_path / "b.log").unlink()
    with machine(replay):
        _, told = asking.communicate(timeout=120)
        assert asking.returncode == 1
        assert told.count(b"b.log: No such file") == 1
        assert ids_in(tmp_path / "out") == expected[:2000]
        (tmp_path / "b.log").write_bytes(content)
        assert replay(*arguments).code == 0
    assert ids_in(tmp_path / "out") == expected


def tasks(url: str) -> int:
    """How many tasks wait in a broker."""
    with _connection(url) as connection, connection.channel() as channel:
        return int(channel.queue_declare(QUEUE, durable=True, auto_delete=False).message_count)
