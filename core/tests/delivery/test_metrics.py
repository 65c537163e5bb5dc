"""What Prometheus scrapes from a worker, compared with what the consumer got."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import requests
from prometheus_client.parser import text_string_to_metric_families

from installation import Installation
from learnrelay.config.secrets import Secret
from learnrelay.delivery.metrics import OutboxCollector, expose_metrics
from learnrelay.outbox import Outbox
from plain import event
from relay_files import relay_toml

from .conftest import NOT_ON_MYSQL, statements
from .consumer import Consumer
from .test_intake import Emitter

pytestmark = NOT_ON_MYSQL

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


@pytest.mark.slow
def test_a_workers_metrics_agree_with_the_consumer(
    plain_installation: Installation, consumer: Consumer, database_url: Secret, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    config = tmp_path / "relay.toml"
    port = free_port()
    keys = {
        "url": consumer.url,
        "batch": {"size": 10, "interval": "10ms"},
        "retry": {"attempts": 2, "backoff": "10ms", "ceiling": "50ms"},
    }
    destinations = {"main": keys, "partner": {**keys, "match": {"context.org_id": ["Harbour"]}}}
    config.write_text(relay_toml(destinations=destinations, delivery={"database": database_url.reveal()}))
    monkeypatch.setenv("PYTHONPATH", str(plain_installation.site))
    monkeypatch.setenv("SECRET", "Kd7wq2Lmz9Xv4bTn")
    start = datetime.now(UTC) - timedelta(minutes=2)
    raws: list[Any] = []
    for number in range(45):
        raw = event(data={"video": f"v{number}", "secret": "hush"}, org_id="Harbour" if number < 5 else "Lagoon")
        raws.append({**raw, "timestamp": f"{start + timedelta(seconds=number):%Y-%m-%dT%H:%M:%SZ}"})
    raws += [event(data={"secret": "hush"}), event(user_id=None), event("else")]
    lines = "\n".join([*map(json.dumps, raws), "no event"])
    poison = f"{start + timedelta(seconds=40):%Y-%m-%dT%H:%M:%S}+00:00/0"
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
        try:
            assert worker.stderr and any("delivering to" in line for line in worker.stderr)  # an alert may come before
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
        finally:
            worker.kill()
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
    outcomes = sum(value for (name, _), value in samples.items() if name == "learnrelay_outcomes_total")
    unreadable = at(samples, "unreadable_total", reason="no JSON object in the line")
    assert outcomes + unreadable == 49
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
    all_labels = repr([labels for _, labels in samples])
    for never in ("hush", "4711", "v1", "SAIL", "127.0.0.1"):
        assert never not in all_labels


def test_two_processes_expose_the_same_and_report_an_unreachable_database(
    open_outbox: Callable[..., Outbox], consumer: Consumer
) -> None:
    outbox, other = open_outbox(), open_outbox()
    outbox.put(statements(1, 7, "a", "gone"))
    ports = free_port(), free_port()
    servers = [
        expose_metrics(exposed, ["a", "b"], ("127.0.0.1", port))[0]
        for exposed, port in zip((outbox, other), ports, strict=True)
    ]
    try:
        first, second = (
            {
                key: value
                for key, value in scrape(port).items()
                if key[0].startswith("learnrelay") and "age" not in key[0] and "unattended" not in key[0]
            }
            for port in ports
        )
        assert first == second
        assert at(first, "waiting", destination="a") == at(first, "waiting", destination="gone") == 7
        assert at(first, "waiting", destination="b") == 0
        with outbox.database.transaction() as transaction:
            transaction.change("ALTER TABLE learnrelay_delivery_counter RENAME TO learnrelay_away")
        assert at(scrape(ports[0]), "outbox_up") == 0
        with outbox.database.transaction() as transaction:
            transaction.change("ALTER TABLE learnrelay_away RENAME TO learnrelay_delivery_counter")
        assert at(scrape(ports[0]), "outbox_up") == 1
    finally:
        for server in servers:
            server.shutdown()
            server.server_close()


def test_what_is_spooled_and_what_was_not_stored_is_exposed(open_outbox: Callable[..., Outbox], tmp_path: Path) -> None:
    outbox = open_outbox(limit=1, full="spool", spool=tmp_path / "spool")
    emitter = Emitter(outbox)
    emitter.put(1)
    families = {family.name: family for family in OutboxCollector(outbox, ["a"]).collect()}
    assert families["learnrelay_spool_bytes"].samples[0].value == 0
    assert families["learnrelay_not_stored"].samples[0].value == 0
    for number in (2, 3):
        emitter.put(number)
    emitter.recorder.count_refusals("the outbox fails", 4)
    emitter.recorder.flush()
    spooled = sum(path.stat().st_size for path in (tmp_path / "spool").iterdir())
    families = {family.name: family for family in OutboxCollector(outbox, ["a"]).collect()}
    assert 0 < families["learnrelay_spool_bytes"].samples[0].value <= spooled
    assert families["learnrelay_spool_oldest_age_seconds"].samples[0].value > 0
    assert families["learnrelay_not_stored"].samples[0].value == 4
