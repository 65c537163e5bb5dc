"""A Celery worker as an operator starts it: what is wrong with its file, and who answers Prometheus."""

from __future__ import annotations

import os
import signal
import socket
from pathlib import Path

import pytest
import requests

from learnrelay.config.models import Delivery
from learnrelay.config.secrets import Secret
from learnrelay.outbox import Outbox

from .conftest import statements
from .consumer import Consumer
from .test_celery import wait_until
from .test_metrics import free_port
from .test_shutdown import Workers, workers
from .test_telemetry import Collector

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


@pytest.mark.parametrize("pool", ["prefork", "solo", "threads"])
def test_a_collector_gets_the_metrics_of_a_worker_and_the_spans_of_its_pool(
    pool: str, workers: Workers, consumer: Consumer, database_url: Secret, tmp_path: Path
) -> None:
    collector = Collector()
    with (tmp_path / "relay.toml").open("a") as config:
        config.write(f'[telemetry]\nendpoint = "{collector.url}"\ninterval = "1h"\n')
    outbox = Outbox.open(Delivery(database=database_url))
    outbox.put(statements(1, 250, "main"))
    worker = workers.start("--pool", pool)
    assert wait_until(lambda: len(consumer.stored) == 250), workers.logs()
    assert wait_until(lambda: not outbox.status(["main"])["main"].waiting), "the answer is not settled"
    outbox.close()
    worker.send_signal(signal.SIGTERM)
    assert worker.wait(30) == 0, workers.logs()
    (delivered,) = collector.metrics()["learnrelay_delivered"].sum.data_points
    assert delivered.as_double == 250
    spans = collector.spans()
    assert {span.name for span in spans} == {"send to main"}
    assert sum(value.value.int_value for span in spans for value in span.attributes
               if value.key == "learnrelay.statements") == 250  # fmt: skip
    sent = b"".join(body for bodies in collector.bodies.values() for body in bodies)
    assert not [name for name in consumer.stored if name.encode() in sent]
    assert "Traceback" not in workers.logs()


def test_a_process_of_the_pool_that_is_replaced_sends_its_spans(
    workers: Workers, consumer: Consumer, database_url: Secret, tmp_path: Path
) -> None:
    collector = Collector()
    with (tmp_path / "relay.toml").open("a") as config:
        config.write(f'[telemetry]\nendpoint = "{collector.url}"\ninterval = "1s"\n')
    outbox = Outbox.open(Delivery(database=database_url))
    worker = workers.start("--max-tasks-per-child", "1", sweep=0.5)
    for number in range(5):
        outbox.put(statements(number * 10, number * 10 + 9, "main"))
        assert wait_until(lambda number=number: len(consumer.stored) == number * 10 + 10), workers.logs()  # type: ignore[misc]
    outbox.close()
    worker.send_signal(signal.SIGTERM)
    assert worker.wait(30) == 0, workers.logs()
    assert sum(value.value.int_value for span in collector.spans() for value in span.attributes
               if value.key == "learnrelay.statements") == 50  # fmt: skip
    assert len({span.trace_id for span in collector.spans()}) == len(collector.spans())


@pytest.mark.parametrize("collector", ["down", "silent", "refusing"])
def test_what_the_collector_does_holds_no_celery_worker_up(
    collector: str, workers: Workers, consumer: Consumer, database_url: Secret, tmp_path: Path
) -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        if collector == "silent":
            listener.listen()
        url = Collector(503).url if collector == "refusing" else f"http://127.0.0.1:{listener.getsockname()[1]}"
        with (tmp_path / "relay.toml").open("a") as config:
            config.write(f'[telemetry]\nendpoint = "{url}"\ninterval = "1s"\n')
        outbox = Outbox.open(Delivery(database=database_url))
        worker = workers.start("--max-tasks-per-child", "2", sweep=0.5)
        for number in range(6):
            outbox.put(statements(number * 10, number * 10 + 9, "main"))
            assert wait_until(lambda number=number: len(consumer.stored) == number * 10 + 10), workers.logs()  # type: ignore[misc]
        outbox.close()
        worker.send_signal(signal.SIGTERM)
        assert worker.wait(40) == 0, workers.logs()
    assert "Traceback" not in workers.logs()
