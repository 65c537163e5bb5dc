"""Installations of packages, and a store of objects, for tests."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from installation import Installation

KEYS = {"AWS_ACCESS_KEY_ID": "of-the-tests", "AWS_SECRET_ACCESS_KEY": "hush-hush", "AWS_DEFAULT_REGION": "us-east-1"}


@pytest.fixture
def s3(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Returns a client with the buckets ``logs`` and ``out``; the command finds the server by its environment."""
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
    import boto3

    client = boto3.client("s3", endpoint_url=os.environ["AWS_ENDPOINT_URL"])
    for bucket in ("logs", "out"):
        client.create_bucket(Bucket=bucket)
    yield client
    server.kill()
    server.communicate()


@pytest.fixture
def installation(tmp_path: Path) -> Installation:
    """Returns an installation without plugins."""
    return Installation(tmp_path)


@pytest.fixture(scope="session")
def plain_installation(tmp_path_factory: pytest.TempPathFactory) -> Installation:
    """Returns an installation with the standard of `plain`, for all tests that change nothing."""
    made = Installation(tmp_path_factory.mktemp("plain"))
    source = Path(__file__).with_name("plain.py").read_text(encoding="utf-8")
    made.install(
        "acme-plain",
        {
            "learnrelay.standards.v1": {"plain": "acme_plain:plugin"},
            "learnrelay.families.v1": {"plain.watching": "acme_plain:family"},
        },
        source + "\nplugin = PlainPlugin()\n",
    )
    return made
