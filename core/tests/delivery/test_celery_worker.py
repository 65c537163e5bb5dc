"""A Celery worker as an operator starts it: what is wrong with its file, and who answers Prometheus."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest
import requests

from .test_celery import wait_until
from .test_metrics import free_port
from .test_shutdown import Workers, workers

__all__ = ["workers"]

pytestmark = [
    pytest.mark.parametrize("workers", ["celery"], indirect=True),
    pytest.mark.parametrize("database_url", ["sqlite"], indirect=True),
]


def test_another_worker_answers_prometheus_when_the_first_is_gone(workers: Workers, tmp_path: Path) -> None:
    address = f"127.0.0.1:{free_port()}"
    with (tmp_path / "relay.toml").open("a") as config:
        config.write(f'[metrics]\nlisten = "{address}"\n')

    def answers() -> bool:
        try:
            return "learnrelay_outbox_up 1.0" in requests.get(f"http://{address}/metrics", timeout=5).text
        except requests.RequestException:
            return False

    first = workers.start()
    assert wait_until(answers), workers.logs()
    workers.start(sweep=0.5)
    assert wait_until(lambda: "another worker is there" in workers.logs()), workers.logs()
    os.killpg(first.pid, signal.SIGKILL)
    first.wait()
    assert wait_until(answers), workers.logs()
    assert workers.logs().count("another worker is there") == 1


def test_a_mistake_in_the_file_is_reported_without_a_traceback(workers: Workers, tmp_path: Path) -> None:
    with (tmp_path / "relay.toml").open("a") as config:
        config.write('[metrics]\nlistne = "127.0.0.1:1"\n')
    process = workers.start()
    assert process.wait(60) == 1
    assert "metrics.listne: unknown key" in workers.logs()
    assert "Traceback" not in workers.logs()
