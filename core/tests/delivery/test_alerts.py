"""Alerts: once when a threshold is passed, once when all is well again, to the log, a webhook and a command."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from learnrelay.config.models import Alerts
from learnrelay.delivery import EmbeddedEngine, Outbox, Selection, engine
from learnrelay.delivery.alerts import Watch
from learnrelay.delivery.queue import Dead, Stored
from learnrelay.secrets import Secret

from .conftest import TurnedClock, parcels

OpenOutbox = Callable[..., Outbox]


class Webhook:
    """Takes POSTs of JSON; answers ``status``."""

    def __init__(self) -> None:
        self.told: list[dict[str, Any]] = []
        self.status = 200
        hook = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                if hook.status == 200:
                    hook.told.append(body)
                self.send_response(hook.status)
                self.end_headers()

            def log_message(self, *args: Any) -> None:
                pass

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        Thread(target=self.server.serve_forever, args=(0.01,), daemon=True).start()
        self.url = Secret(f"http://127.0.0.1:{self.server.server_address[1]}/kept-quiet")

    def take(self) -> list[tuple[str, str]]:
        told, self.told = self.told, []
        return [(one["condition"], one["state"]) for one in told]


@pytest.fixture
def webhook() -> Iterator[Webhook]:
    webhook = Webhook()
    yield webhook
    webhook.server.shutdown()
    webhook.server.server_close()


def test_thresholds_and_all_clear(
    open_outbox: OpenOutbox, clock: TurnedClock, webhook: Webhook, caplog: pytest.LogCaptureFixture
) -> None:
    alerts = Alerts(waiting=10, age=100.0, dead=2, unavailable=60.0, webhook=webhook.url)
    outbox, other = (open_outbox(clock, alerts=alerts) for _ in range(2))
    watch, elsewhere = Watch(outbox), Watch(other)
    outbox.put(parcels(1, 12, "a"))
    queue = outbox.queue("a")
    watch.check()
    elsewhere.check()
    Watch(outbox).check()  # a restart
    assert webhook.take() == [("waiting", "raised")]

    clock.now += 100
    queue.trip("unavailable", "connection refused", lambda failures: 30.0, probe=False)
    watch.check()
    assert webhook.take() == [("age", "raised")]
    clock.now += 60
    queue.trip("unavailable", "connection refused", lambda failures: 30.0, probe=True)
    watch.check()
    assert webhook.take() == [("unavailable", "raised")]
    queue.trip("halted 401", "401", lambda failures: 30.0, probe=True)
    elsewhere.check()
    assert sorted(webhook.take()) == [("halted", "raised"), ("unavailable", "cleared")]
    queue.recover(proven=True)
    watch.check()
    assert webhook.take() == [("halted", "cleared")]

    claim = queue.claim(3)
    queue.settle(claim, [Dead(row, "400") for row in claim.rows])
    watch.check()
    assert webhook.take() == [("dead", "raised")]  # 9 wait: not well enough yet to be called well
    claim = queue.claim(9)
    queue.settle(claim, [Stored(claim.rows)])
    watch.check()
    assert sorted(webhook.take()) == [("age", "cleared"), ("waiting", "cleared")]
    outbox.dead_letters.drop(Selection())
    watch.check()
    assert webhook.take() == [("dead", "cleared")]
    assert "12 statements wait" in caplog.text and "kept-quiet" not in caplog.text


def test_a_webhook_that_fails_is_tried_again(
    open_outbox: OpenOutbox, webhook: Webhook, caplog: pytest.LogCaptureFixture
) -> None:
    outbox = open_outbox(alerts=Alerts(waiting=1, webhook=webhook.url))
    outbox.put(parcels(1, 1, "a"))
    webhook.status = 500
    Watch(outbox).check()
    assert webhook.take() == [] and "not delivered (HTTPError)" in caplog.text and "kept-quiet" not in caplog.text
    webhook.status = 200
    Watch(outbox).check()
    assert webhook.take() == [("waiting", "raised")]


def test_a_command_and_the_engines_own_look(
    open_outbox: OpenOutbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "HOUSEKEEPING", 0.05)
    heard = tmp_path / "heard"
    code = "import sys; open(sys.argv[1], 'a').write(sys.stdin.read() + chr(10))"
    outbox = open_outbox(alerts=Alerts(waiting=1, command=(sys.executable, "-c", code, str(heard))))
    outbox.put(parcels(1, 1, "a"))
    running = EmbeddedEngine(outbox, {}, {})
    running.start()
    for _ in range(200):
        if heard.exists() and heard.read_text().endswith("\n"):
            break
        running._stopped.wait(0.05)
    running.stop()
    (line,) = heard.read_text().splitlines()
    assert json.loads(line)["message"] == "learnrelay: destination a: 1 statements wait"
