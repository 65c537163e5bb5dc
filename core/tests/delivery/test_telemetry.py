"""A worker sends metrics and spans to a collector of OpenTelemetry, and delivers whatever the collector does."""

from __future__ import annotations

import gzip
import json
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from delivery.consumer import Consumer
from installation import Installation
from plain import event
from relay_files import relay_toml

pytestmark = pytest.mark.slow

ENVIRONMENT = {"SECRET": "Kd7wq2Lmz9Xv4bTn", "TOKEN": "t0ken-t0ken-t0ken"}
EMIT = """
import json, sys
from learnrelay import Relay
with Relay.from_file(sys.argv[1]) as relay:
    for number in range(5):
        relay.emit(json.loads(sys.argv[2].replace("NUMBER", str(number))))
"""


class Collector(ThreadingHTTPServer):
    """Takes what is exported, and answers with ``status``."""

    daemon_threads = True

    def __init__(self, status: int = 200) -> None:
        self.status = status
        self.bodies: dict[str, list[bytes]] = {"/v1/metrics": [], "/v1/traces": []}
        self.headers_seen: list[str] = []
        super().__init__(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def metrics(self) -> dict[str, Any]:
        """Returns the last export: name → metric."""
        request = ExportMetricsServiceRequest.FromString(self.bodies["/v1/metrics"][-1])
        (resource,) = request.resource_metrics
        return {metric.name: metric for scope in resource.scope_metrics for metric in scope.metrics}

    def spans(self) -> list[Any]:
        requests = map(ExportTraceServiceRequest.FromString, self.bodies["/v1/traces"])
        return [
            span for request in requests for of_resource in request.resource_spans
            for scope in of_resource.scope_spans for span in scope.spans
        ]  # fmt: skip


class Handler(BaseHTTPRequestHandler):
    server: Collector

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.bodies[self.path].append(
            gzip.decompress(body) if self.headers.get("Content-Encoding") == "gzip" else body
        )
        self.server.headers_seen.append(str(self.headers))
        self.send_response(self.server.status)
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def consumer() -> Iterator[Consumer]:
    made = Consumer()
    yield made
    made.stop()


def run_worker(
    installation: Installation, consumer: Consumer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, endpoint: str,
    **telemetry: object,
) -> Any:  # fmt: skip
    """Emits five events, and lets a worker deliver them."""
    config = tmp_path / "relay.toml"
    main = {
        "url": consumer.url,
        "auth": {"scheme": "bearer", "token": "env:TOKEN"},
        "batch": {"size": 2, "interval": "10ms"},
    }
    config.write_text(
        relay_toml(
            destinations={"main": main},
            delivery={"database": f"sqlite:///{tmp_path}/outbox.db", "engine": "none"},
            telemetry={"endpoint": endpoint, "interval": "1h", **telemetry},
        )
    )
    monkeypatch.setenv("PYTHONPATH", str(installation.site))
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    raw = event(data={"video": "vNUMBER", "secret": "hush"})
    raw["context"]["user_id"] = 424_242
    raw["timestamp"] = "2026-03-02T09:00:0NUMBERZ"
    subprocess.run([sys.executable, "-c", EMIT, config, json.dumps(raw)], check=True, timeout=60)
    return installation.run("worker", "--until-empty", "--config", config, **ENVIRONMENT)


def test_a_collector_gets_the_metrics_of_prometheus_and_a_span_for_each_batch(
    plain_installation: Installation, consumer: Consumer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    collector = Collector()
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_HEADERS", "x-tenant=harbour")
    done = run_worker(plain_installation, consumer, tmp_path, monkeypatch, collector.url)
    assert done.returncode == 0, done.stderr.decode()
    assert len(consumer.stored) == 5
    metrics = collector.metrics()
    (delivered,) = metrics["learnrelay_delivered"].sum.data_points
    assert delivered.as_double == 5
    assert [(label.key, label.value.string_value) for label in delivered.attributes] == [("destination", "main")]
    assert metrics["learnrelay_delivered"].sum.is_monotonic
    (waiting,) = [
        p for p in metrics["learnrelay_waiting"].gauge.data_points if p.attributes[0].value.string_value == "main"
    ]
    assert waiting.as_double == 0
    (requests,) = metrics["learnrelay_request_seconds"].histogram.data_points
    spans = collector.spans()
    assert requests.count == sum(requests.bucket_counts) == len(spans) > 0
    assert len(requests.bucket_counts) == len(requests.explicit_bounds) + 1
    assert sum(value.value.int_value for span in spans for value in span.attributes
               if value.key == "learnrelay.statements") == 5  # fmt: skip
    assert {span.name for span in spans} == {"send to main"}
    assert all(span.end_time_unix_nano > span.start_time_unix_nano for span in spans)
    sent = b"".join(body for bodies in collector.bodies.values() for body in bodies)
    for hidden in ("424242", "hush", "v3", ENVIRONMENT["TOKEN"], ENVIRONMENT["SECRET"], *consumer.stored):
        assert hidden.encode() not in sent
    assert all("x-tenant: harbour" in headers.lower() for headers in collector.headers_seen)


def test_spans_can_be_left_out(
    plain_installation: Installation, consumer: Consumer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    collector = Collector()
    done = run_worker(plain_installation, consumer, tmp_path, monkeypatch, collector.url, traces=False)
    assert done.returncode == 0, done.stderr.decode()
    assert collector.metrics()
    assert collector.spans() == []


@pytest.mark.parametrize("collector", ["down", "silent", "refusing"])
def test_what_the_collector_does_holds_nothing_up(
    collector: str,
    plain_installation: Installation,
    consumer: Consumer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        if collector == "silent":
            listener.listen()
        url = Collector(503).url if collector == "refusing" else f"http://127.0.0.1:{listener.getsockname()[1]}"
        begin = time.monotonic()
        done = run_worker(plain_installation, consumer, tmp_path, monkeypatch, url)
    assert done.returncode == 0, done.stderr.decode()
    assert len(consumer.stored) == 5
    assert time.monotonic() - begin < 40
    assert b"Traceback" not in done.stderr
