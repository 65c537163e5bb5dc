"""Everything is killed while a log is emitted and delivered: a small run of each set-up of ``benchmarks.faults``."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
POSTGRES = bool(os.environ.get("LEARNRELAY_TEST_POSTGRES_URL"))
AMQP = bool(os.environ.get("LEARNRELAY_TEST_AMQP_URL"))


@pytest.mark.parametrize(
    ("set_up", "there"),
    [
        ("sqlite-embedded", True),
        ("postgres-embedded", POSTGRES),
        ("postgres-celery-redis", POSTGRES and bool(shutil.which("redis-server"))),
        ("postgres-celery-rabbitmq", POSTGRES and AMQP),
    ],
)
def test_nothing_is_lost_and_nothing_stored_twice(set_up: str, there: bool) -> None:
    if not there:
        pytest.skip("its servers are not there")
    command = [sys.executable, "-m", "benchmarks.faults", "--only", set_up, "--events", "500", "--kills", "2"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=900, check=False)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)[set_up]
    assert told["killed"]["processes that emit"] == told["killed"]["processes that deliver"] == 4
    assert told["killed"]["broker"] == ("celery" in set_up)
    assert told["statements"] > 500
    assert {told[what] for what in ("lost", "stored twice", "stored in another form", "left in the outbox")} == {0}
