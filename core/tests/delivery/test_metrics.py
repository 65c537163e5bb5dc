"""What Prometheus scrapes from a worker, compared with what the consumer got."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import requests
from prometheus_client.parser import text_string_to_metric_families

from installation import Installation
from learnrelay.delivery import Outbox
from learnrelay.delivery.metrics import expose
from learnrelay.secrets import Secret
from plain import event

from .conftest import parcels
from .consumer import Consumer
from .test_status import CONFIG

Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]

EMIT = """
import sys
from learnrelay import Relay
with Relay.from_file(sys.argv[1]) as relay:  # delivers some of it, the worker the rest
    for line in sys.stdin:
        relay.emit(line)
"""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def scrape(port: int) -> Samples:
    answer = requests.get(f"http://127.0.0.1:{port}/metrics", timeout=60)
    answer.raise_for_status()
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


def at(samples: Samples, name: str, **labels: str) -> float:
    return samples[f"learnrelay_{name}", frozenset(labels.items())]


def test_a_workers_metrics_agree_with_the_consumer(
    plain_installation: Installation, consumer: Consumer, database_url: Secret, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    config = tmp_path / "relay.toml"
    port = free_port()
    retry = 'retry = { attempts = 2, backoff = "10ms", ceiling = "50ms" }'
    config.write_text(
        CONFIG.format(url=consumer.url, database=database_url.reveal()).replace(
            'batch = { size = 10, interval = "10ms" }', f'batch = {{ size = 10, interval = "10ms" }}\n{retry}'
        )
    )
    monkeypatch.setenv("PYTHONPATH", str(plain_installation.site))
    monkeypatch.setenv("SECRET", "s" * 32)
    raws: list[Any] = []
    for number in range(45):
        raw = event(data={"video": f"v{number}", "secret": "hush"}, org_id="Harbour" if number < 5 else "Lagoon")
        raws.append({**raw, "timestamp": f"2026-03-02T09:00:{number:02}Z"})
    raws += [event(data={"secret": "hush"}), event(user_id=None), event("else")]
    lines = "\n".join([*map(json.dumps, raws), "no event"])
    poison = "2026-03-02T09:00:40+00:00/0"
    failed_once: list[int] = []

    def behave(ids: list[str]) -> Any:
        if not failed_once:
            failed_once.append(1)
            return 503
        return (400, {}, b"no") if poison in ids else None

    consumer.behave = behave
    subprocess.run([sys.executable, "-c", EMIT, config], input=lines, text=True, check=True, timeout=60)

    command = [Path(sys.executable).parent / "learnrelay", "worker", "--config", config, "--metrics"]
    with subprocess.Popen([*command, f"127.0.0.1:{port}"], stderr=subprocess.PIPE, text=True) as worker:
        assert worker.stderr and "delivering to" in worker.stderr.readline()
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            samples = scrape(port)
            if not at(samples, "waiting", destination="main") + at(samples, "waiting", destination="partner"):
                break
            time.sleep(0.1)
        second = subprocess.run(
            [*command, f"127.0.0.1:{port}"], stderr=subprocess.PIPE, text=True, timeout=60, check=False
        )
        worker.send_signal(signal.SIGTERM)
        assert worker.wait(timeout=60) == 0
    assert second.returncode == 2 and "cannot listen" in second.stderr

    assert len(consumer.stored) == 44
    assert at(samples, "outbox_up") == 1
    assert at(samples, "accepted_total", destination="main") == 45
    assert at(samples, "delivered_total", destination="main") == 44
    assert at(samples, "delivered_total", destination="partner") == 5
    assert at(samples, "dead", destination="main") == 1
    assert at(samples, "retried_total", destination="main") + at(samples, "retried_total", destination="partner") > 0
    assert at(samples, "oldest_age_seconds", destination="main") == 0
    stored = {name: at(samples, "latency_seconds_count", destination=name) for name in ("main", "partner")}
    assert stored == {"main": 44, "partner": 5}
    assert at(samples, "latency_seconds_bucket", destination="main", le="+Inf") == 44
    assert at(samples, "latency_seconds_bucket", destination="main", le="0.001") == 0
    sent = sum(at(samples, "request_seconds_count", destination=name) for name in ("main", "partner"))
    assert sent == len(consumer.requests)

    assert at(samples, "events_total") == 49
    became = sum(value for (name, _), value in samples.items() if name == "learnrelay_outcomes_total")
    unreadable = at(samples, "unreadable_total", reason="no JSON object in the line")
    assert became + unreadable == 49
    skipped = {"standard": "plain", "outcome": "skipped", "reason": "nobody is signed in"}
    assert at(samples, "outcomes_total", **skipped) == 1
    denied = {"destination": "partner", "reason": "match: context.org_id has none of the wanted values"}
    assert at(samples, "denied_total", **denied) == 40

    labels = {name for (_, labels) in samples for name, _ in labels} - {
        "implementation",
        "major",
        "minor",
        "patchlevel",
    }
    assert labels <= {"destination", "standard", "outcome", "reason", "le", "version"}
    told = repr([labels for _, labels in samples])
    for never in ("hush", "4711", "v1", "SAIL", "127.0.0.1"):
        assert never not in told


def test_two_processes_tell_the_same_and_a_database_that_is_away_is_told(
    open_outbox: Callable[..., Outbox], consumer: Consumer
) -> None:
    one, other = open_outbox(), open_outbox()
    one.put(parcels(1, 7, "a", "gone"))
    ports = free_port(), free_port()
    servers = [
        expose(outbox, ["a", "b"], ("127.0.0.1", port))[0] for outbox, port in zip((one, other), ports, strict=True)
    ]
    try:
        first, second = (
            {
                key: value
                for key, value in scrape(port).items()
                if key[0].startswith("learnrelay") and "age" not in key[0]
            }
            for port in ports
        )
        assert first == second
        assert at(first, "waiting", destination="a") == at(first, "waiting", destination="gone") == 7
        assert at(first, "waiting", destination="b") == 0
        with one.database.transaction() as transaction:
            transaction.change("ALTER TABLE learnrelay_tally RENAME TO learnrelay_away")
        assert at(scrape(ports[0]), "outbox_up") == 0
        with one.database.transaction() as transaction:
            transaction.change("ALTER TABLE learnrelay_away RENAME TO learnrelay_tally")
        assert at(scrape(ports[0]), "outbox_up") == 1
    finally:
        for server in servers:
            server.shutdown()
            server.server_close()
