"""Everything is killed while a log is emitted and delivered: a small run of each set-up of ``benchmarks.faults``."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from services import ON_RABBITMQ, amqp_url, mysql_url, postgres_url, redis_server

ROOT = Path(__file__).parents[3]


@pytest.mark.parametrize(
    ("set_up", "needs"),
    [
        ("sqlite-embedded", ()),
        ("postgres-embedded", (postgres_url,)),
        ("postgres-celery-redis", (postgres_url, redis_server)),
        ("mysql-celery-redis", (mysql_url, redis_server)),
        pytest.param("postgres-celery-rabbitmq", (postgres_url, amqp_url), marks=ON_RABBITMQ),
    ],
)
@pytest.mark.slow
def test_nothing_is_lost_and_nothing_stored_twice(set_up: str, needs: tuple[Callable[[], object], ...]) -> None:
    for need in needs:
        need()
    command = [sys.executable, "-m", "benchmarks.faults", "--only", set_up, "--events", "500", "--kills", "2"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=900, check=False)
    assert done.returncode == 0, done.stderr
    results = json.loads(done.stdout)[set_up]
    assert results["killed"]["processes that emit"] == results["killed"]["processes that deliver"] == 4
    assert results["killed"]["broker"] == ("celery" in set_up)
    assert results["statements"] > 500
    assert {results[what] for what in ("lost", "stored twice", "stored in another form", "left in the outbox")} == {0}
