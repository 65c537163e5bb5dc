"""Logs and statements in S3, which a server on this machine speaks."""

from __future__ import annotations

import gzip
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
import zstandard

from .conftest import Logs, Replay, ids_in, kill, reaches

KEYS = {"AWS_ACCESS_KEY_ID": "of-the-tests", "AWS_SECRET_ACCESS_KEY": "hush-hush", "AWS_DEFAULT_REGION": "us-east-1"}


@pytest.fixture
def s3(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A client, with the buckets ``logs`` and ``out``; the command finds the server by its environment."""
    code = (
        "import sys, threading; from moto.server import ThreadedMotoServer; "
        "server = ThreadedMotoServer('127.0.0.1', 0, verbose=False); server.start(); "
        "print(server.get_host_and_port()[1], flush=True); sys.stdin.read()"
    )
    server = subprocess.Popen(
        [sys.executable, "-c", code],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
    )  # fmt: skip
    assert server.stdout
    for name, value in {**KEYS, "AWS_ENDPOINT_URL": f"http://127.0.0.1:{server.stdout.readline().strip()}"}.items():
        monkeypatch.setenv(name, value)
    client = boto3.client("s3", endpoint_url=os.environ["AWS_ENDPOINT_URL"])
    for bucket in ("logs", "out"):
        client.create_bucket(Bucket=bucket)
    yield client
    server.kill()
    server.communicate()


def stored(s3: Any, directory: Path) -> list[str]:
    """The ids of all statements in the bucket of the output, objects in the order of their names."""
    for one in s3.list_objects_v2(Bucket="out").get("Contents", ()):
        path = directory / one["Key"]
        path.parent.mkdir(parents=True, exist_ok=True)
        s3.download_file("out", one["Key"], str(path))
    return ids_in(directory)


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
    assert run.code == 0, run.told
    assert run.summary["destinations"] == {"plain": {"written": 4500}}
    assert sorted(stored(s3, tmp_path / "found")) == sorted(expected)
    assert replay(*asked).summary["this_run"]["lines"] == 0


def test_what_the_store_does_not_give_is_told(replay: Replay, logs: Logs, s3: Any, tmp_path: Path) -> None:
    logs("log", 10)
    s3.upload_file(str(tmp_path / "log"), "logs", "log")
    for source, output in (
        ("s3://none/log", "s3://out"),
        ("s3://logs/other", "s3://out"),
        ("s3://logs/log", "s3://none"),
    ):
        run = replay(source, "--output", output)
        assert run.code == 2, run.told
        assert (source if output == "s3://out" else output) in run.told
        assert KEYS["AWS_SECRET_ACCESS_KEY"] not in run.told
