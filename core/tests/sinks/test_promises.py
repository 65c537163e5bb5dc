"""What each sink of the core promises, by the check that authors of sinks use."""

from __future__ import annotations

import gzip
import json
import logging
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from delivery.consumer import Consumer
from learnrelay.core_sinks.files import FilesSink
from learnrelay.core_sinks.http import HttpSink
from learnrelay.core_sinks.log import LogSink
from learnrelay_contract_tests.sink_checks import SinkUnderTest, check_sink

TOKEN = "Kd7wq2Lmz9Xv4bTn"


def read_lines(lines: bytes) -> Iterator[tuple[str, bytes]]:
    for line in lines.splitlines():
        yield json.loads(line)["id"], line


def collected(log: bytes) -> dict[str, bytes]:
    """Returns what a collector keeps of a log: a line that a kill has cut off, or an empty one, is none of its."""
    stored: dict[str, bytes] = {}
    for content in re.findall(rb"(?m)^[^{}\n]+ - (\{.*\})$", log):
        with suppress(ValueError):
            stored.update(read_lines(content))
    return stored


def test_http() -> None:
    consumer = Consumer()
    check_sink(
        SinkUnderTest(
            HttpSink,
            settings={"url": consumer.url, "auth": {"scheme": "bearer", "token": TOKEN}},
            read_stored=lambda: [(key, json.dumps(statement)) for key, statement in consumer.stored.items()],
            failing=[{"url": "http://127.0.0.1:1/statements"}],
        )
    )
    assert {headers["Authorization"] for headers in consumer.headers} == {f"Bearer {TOKEN}"}
    consumer.stop()


def test_files(tmp_path: Path) -> None:
    (tmp_path / "taken").touch()
    check_sink(
        SinkUnderTest(
            FilesSink,
            settings={"folder": str(tmp_path / "new")},
            read_stored=lambda: (
                pair
                for file in (tmp_path / "new").glob("*.jsonl.gz")
                for pair in read_lines(gzip.decompress(file.read_bytes()))
            ),
            failing=[{"folder": str(tmp_path / "taken" / "new")}],
        )
    )


@contextmanager
def collecting_stderr(path: Path) -> Iterator[None]:
    saved, target = os.dup(2), os.open(path, os.O_CREAT | os.O_WRONLY | os.O_APPEND)
    os.dup2(target, 2)
    try:
        yield
    finally:
        os.dup2(saved, 2)
        os.close(saved)
        os.close(target)


def test_log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A collector knows statements by their ids, and reads whole lines alone."""
    monkeypatch.setattr(logging.getLogger("acme_tracking"), "propagate", False)
    log = tmp_path / "stderr"
    with collecting_stderr(log):
        check_sink(
            SinkUnderTest(
                LogSink,
                settings={"to": "stderr", "logger": "acme_tracking"},
                read_stored=lambda: collected(log.read_bytes()).items(),
                failing=[{"to": "logger"}],
            )
        )
