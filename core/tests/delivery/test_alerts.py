"""Alerts: once when a threshold is passed, once when all is well again, to the log, a webhook and a command."""

from __future__ import annotations

import json
import sys
import time
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
        self.tries = 0
        hook = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                hook.tries += 1
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


HEAR = """
import json, sys
open(sys.argv[1], "a").write(json.load(sys.stdin)["state"] + chr(10))
"""


def test_each_channel_is_told_by_itself_and_once(
    open_outbox: OpenOutbox, clock: TurnedClock, webhook: Webhook, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    heard = tmp_path / "heard"
    command = (sys.executable, "-c", HEAR, str(heard))
    outbox = open_outbox(clock, alerts=Alerts(waiting=1, webhook=webhook.url, command=command))
    outbox.put(parcels(1, 1, "a"))
    webhook.status = 500
    watch = Watch(outbox)
    watch.check()
    watch.check()
    assert heard.read_text() == "raised\n", "what fails elsewhere is no reason not to tell, nor to tell twice"
    assert webhook.tries == 1, "a channel that fails is left alone for a while"
    assert "alert of a, waiting raised: not delivered by webhook (HTTPError)" in caplog.text
    assert caplog.text.count("1 statements wait") == 1 and "kept-quiet" not in caplog.text

    webhook.status = 200
    clock.now += 30
    watch.check()
    watch.check()
    assert webhook.take() == [("waiting", "raised")]
    queue = outbox.queue("a")
    claim = queue.claim(1)
    queue.settle(claim, [Stored(claim.rows)])
    watch.check()
    assert (webhook.take(), heard.read_text()) == ([("waiting", "cleared")], "raised\ncleared\n")


def test_a_command_that_fails_silences_nobody(
    open_outbox: OpenOutbox, clock: TurnedClock, webhook: Webhook, caplog: pytest.LogCaptureFixture
) -> None:
    outbox = open_outbox(clock, alerts=Alerts(waiting=1, webhook=webhook.url, command=("/bin/false",)))
    outbox.put(parcels(1, 1, "a"))
    watch = Watch(outbox)
    for _ in range(100):
        watch.check()
        clock.now += 30
    assert webhook.take() == [("waiting", "raised")]
    assert 5 <= caplog.text.count("not delivered by command (CalledProcessError)") < 60


def test_the_engine_looks_at_once_when_a_destination_goes_down(open_outbox: OpenOutbox, webhook: Webhook) -> None:
    """Its next look by itself would come in half a minute."""
    outbox = open_outbox(alerts=Alerts(webhook=webhook.url))
    running = EmbeddedEngine(outbox, {}, {})
    running.start()
    outbox.queue("a").trip("halted 401", "HTTP 401", lambda failures: 60.0, probe=False)
    end = time.monotonic() + engine.HOUSEKEEPING / 2
    while not webhook.told and time.monotonic() < end:
        time.sleep(0.05)
    running.stop()
    assert webhook.take() == [("halted", "raised")]


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
    for _ in range(1200):
        if heard.exists() and heard.read_text().endswith("\n"):
            break
        running._stopped.wait(0.05)
    running.stop()
    (line,) = heard.read_text().splitlines()
    assert json.loads(line)["message"] == "learnrelay: destination a: 1 statements wait"
