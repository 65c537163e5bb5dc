"""Logs and statements in S3, which a server on this machine speaks."""

from __future__ import annotations

import gzip
import os
from pathlib import Path
from typing import Any

import pytest
import zstandard

from .conftest import Logs, Replay, ids_in, kill, reaches


def stored(s3: Any, directory: Path) -> list[str]:
    """Returns the ids of all statements in the bucket of the output, objects in the order of their names."""
    for stored_object in s3.list_objects_v2(Bucket="out").get("Contents", ()):
        path = directory / stored_object["Key"]
        path.parent.mkdir(parents=True, exist_ok=True)
        s3.download_file("out", stored_object["Key"], str(path))
    return ids_in(directory)


@pytest.mark.slow
def test_from_s3_to_s3(replay: Replay, logs: Logs, s3: Any, tmp_path: Path) -> None:
    expected = logs("log-1", 1500) + logs("log-2.gz", 1500, packed=gzip.compress)
    expected += logs("log-3.zst", 1500, packed=zstandard.compress)
    for path in tmp_path.glob("log-*"):
        s3.upload_file(str(path), "logs", f"2026/{path.name}")
    asked = ("s3://logs/2026/log-*", "--output", "s3://out/statements", "--by-day")
    running = replay.start(*asked)
    reaches(lambda: s3.list_objects_v2(Bucket="out")["KeyCount"], 1)
    kill(running)
    run = replay(*asked)
    assert run.code == 0, run.stderr
    assert run.summary["destinations"] == {"plain": {"written": 4500}}
    assert sorted(stored(s3, tmp_path / "found")) == sorted(expected)
    assert replay(*asked).summary["this_run"]["lines"] == 0


def test_what_the_store_does_not_give_is_an_error(replay: Replay, logs: Logs, s3: Any, tmp_path: Path) -> None:
    logs("log", 10)
    s3.upload_file(str(tmp_path / "log"), "logs", "log")
    for source, output in (
        ("s3://none/log", "s3://out"),
        ("s3://logs/other", "s3://out"),
        ("s3://logs/log", "s3://none"),
    ):
        run = replay(source, "--output", output)
        assert run.code == 2, run.stderr
        assert (source if output == "s3://out" else output) in run.stderr
        assert os.environ["AWS_SECRET_ACCESS_KEY"] not in run.stderr
