"""A replay on many machines: real Celery workers, which may be killed; and one broker."""

from __future__ import annotations

import gzip
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from delivery.consumer import Consumer

from .conftest import Logs, Replay, ids_in, kill, reaches

REDIS = os.environ.get("LEARNRELAY_TEST_REDIS_URL", "")
BROKER = urlsplit(REDIS)._replace(path="/9").geturl()  # a database of its own

pytestmark = pytest.mark.skipif(not REDIS, reason="no LEARNRELAY_TEST_REDIS_URL")


@contextmanager
def machine(replay: Replay) -> Iterator[subprocess.Popen[bytes]]:
    """A worker of two processes."""
    process = subprocess.Popen(
        [Path(sys.executable).with_name("celery"), "-A", "learnrelay.replay.celery_app", "worker", "-c", "2"],
        env={**replay.environment, "LEARNRELAY_CONFIG": str(replay.config)}, start_new_session=True,
        cwd=replay.directory, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        yield process
    finally:
        if process.poll() is None:
            kill(process)


def with_broker(replay: Replay) -> None:
    text = replay.config.read_text(encoding="utf-8")
    replay.config.write_text(text.replace("[delivery]\n", f'[delivery]\nbroker = "{BROKER}"\n'), encoding="utf-8")


def slow(ids: list[str]) -> None:
    threading.Event().wait(0.005)


def test_two_machines_do_what_one_does(replay: Replay, logs: Logs, consumer: Consumer, tmp_path: Path) -> None:
    replay.configure(main=consumer.url)
    with_broker(replay)
    bad = [b"{broken\n"] * 20
    expected = logs("a.log", 12_000, *bad) + logs("b.log.gz", 3_000, *bad, packed=gzip.compress)
    files = (tmp_path / "a.log", tmp_path / "b.log.gz")
    here = replay(*files, "--output", tmp_path / "here", "--since", "2026-03-01")
    records = replay.records()
    with machine(replay), machine(replay) as second:
        there = replay(*files, "--output", tmp_path / "there", "--since", "2026-03-01", "--fleet")
        assert there.told == here.told
        assert ids_in(tmp_path / "there") == ids_in(tmp_path / "here") == expected
        assert replay.records() == records
        there.summary.pop("this_run"), here.summary.pop("this_run")
        assert there.summary == here.summary
        consumer.behave = slow
        asking = replay.start(*files, "--fleet")
        reaches(lambda: len(consumer.requests), 50)
        os.killpg(second.pid, signal.SIGKILL)
        reaches(lambda: len(consumer.requests), 150)
        kill(asking)
        consumer.behave = lambda ids: None
        run = replay(*files, "--fleet")
    assert run.code == 1  # the broken lines
    assert set(consumer.stored) == set(expected)
    assert len(consumer.order) == len(expected)
    assert run.summary["read"] == here.summary["read"]


def test_another_file_of_the_operator_is_noticed(replay: Replay, logs: Logs, tmp_path: Path) -> None:
    with_broker(replay)
    logs("a.log", 10)
    with machine(replay):
        assert replay(tmp_path / "a.log", "--output", tmp_path / "out", "--fleet").code == 0
        text = replay.config.read_text(encoding="utf-8")
        replay.config.write_text(text.replace("learn.example.org", "other.example.org"), encoding="utf-8")
        run = replay(tmp_path / "a.log", "--output", tmp_path / "out", "--fleet")
    assert run.code == 1
    assert "not those of the machine that asks" in run.told
