"""Alerts: once when a threshold is passed, once when it is cleared, to the log, a webhook and a command."""

from __future__ import annotations

import json
import re
import socket
import sys
import threading
import time
from base64 import b64encode
from collections.abc import Callable, Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from destinations import http_sinks
from learnrelay import Relay
from learnrelay.config.models import Alerts
from learnrelay.config.secrets import Secret
from learnrelay.delivery import EmbeddedEngine, engine
from learnrelay.delivery import alerts as alerts_module
from learnrelay.delivery.alerts import AlertMonitor
from learnrelay.errors import OutboxError
from learnrelay.outbox import DeadLetterFilter, Outbox
from learnrelay.outbox.looks import QueueLooks
from learnrelay.outbox.queue import Acknowledged, DeadLettered, Released
from learnrelay.outbox.spool import SpoolRecord
from learnrelay.outbox.time_limits import time_limit
from plain import event
from relay_files import relay_toml

from .conftest import TurnedClock, statements

OpenOutbox = Callable[..., Outbox]


class Webhook:
    """Takes POSTs of JSON; answers ``status``."""

    def __init__(self) -> None:
        self.messages: list[dict[str, Any]] = []
        self.status = 200
        self.tries = 0
        self.headers: list[Any] = []
        self.trickling = False
        hook = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                hook.tries += 1
                hook.headers.append(self.headers)
                if hook.trickling:
                    with suppress(OSError):  # the other end does not wait for long
                        while hook.trickling:
                            self.wfile.write(b"H")
                            time.sleep(0.1)
                    return
                if hook.status == 200:
                    hook.messages.append(body)
                self.send_response(hook.status)
                self.end_headers()

            def log_message(self, *args: Any) -> None:
                pass

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        Thread(target=self.server.serve_forever, args=(0.01,), daemon=True).start()
        self.url = Secret(f"http://127.0.0.1:{self.server.server_address[1]}/kept-quiet")

    def take(self) -> list[tuple[str, str]]:
        messages, self.messages = self.messages, []
        return [(message["condition"], message["state"]) for message in messages]


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
    monitor, elsewhere = AlertMonitor(outbox), AlertMonitor(other)
    outbox.put(statements(1, 12, "a"))
    queue = outbox.queue("a")
    monitor.check()
    elsewhere.check()
    AlertMonitor(outbox).check()  # a restart
    assert webhook.take() == [("waiting", "raised")]

    clock.now += 100
    queue.trip("unavailable", "connection refused", lambda failures: 30.0, probe=False)
    monitor.check()
    assert webhook.take() == [("age", "raised")]
    clock.now += 60
    queue.trip("unavailable", "connection refused", lambda failures: 30.0, probe=True)
    monitor.check()
    assert webhook.take() == [("unavailable", "raised")]
    queue.trip("halted 401", "401", lambda failures: 30.0, probe=True)
    elsewhere.check()
    assert sorted(webhook.take()) == [("halted", "raised"), ("unavailable", "cleared")]
    queue.recover(proven=True)
    monitor.check()
    assert webhook.take() == [("halted", "cleared")]

    claim = queue.claim(3)
    queue.settle(claim, [DeadLettered(row, "400") for row in claim.rows])
    monitor.check()
    assert webhook.take() == [("dead", "raised")]  # 9 wait: above 80 % of the threshold
    claim = queue.claim(9)
    queue.settle(claim, [Acknowledged(claim.rows)])
    monitor.check()
    assert sorted(webhook.take()) == [("age", "cleared"), ("waiting", "cleared")]
    outbox.dead_letters.drop(DeadLetterFilter())
    monitor.check()
    assert webhook.take() == [("dead", "cleared")]
    assert "12 statements wait" in caplog.text and "kept-quiet" not in caplog.text


def test_statements_that_nobody_looks_for_raise_an_alert(
    open_outbox: OpenOutbox, clock: TurnedClock, webhook: Webhook
) -> None:
    outbox = open_outbox(clock, alerts=Alerts(unattended=60.0, webhook=webhook.url))
    monitor = AlertMonitor(outbox, ["a"])
    QueueLooks(outbox, "a").record()
    clock.now += 3600
    outbox.put(statements(1, 1, "a", "gone"))  # nobody had to look before
    clock.now += 59
    monitor.check()
    assert webhook.take() == []
    clock.now += 1
    monitor.check()
    assert webhook.take() == [("unattended", "raised")]
    assert outbox.status(["a"])["a"].unattended == 60.0
    outbox.queue("a").claim(1)  # a slow consumer keeps a worker from the next look, not from its lease
    monitor.check()
    assert webhook.take() == [("unattended", "cleared")]


def test_a_process_that_only_stores_raises_that_nobody_delivers(
    open_outbox: OpenOutbox, clock: TurnedClock, webhook: Webhook, caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """It clears nothing: whoever delivers again does."""
    monkeypatch.setattr(alerts_module, "_LOOK", 30.0)  # a busy machine
    alerts = Alerts(unattended=60.0, waiting=1, webhook=webhook.url)
    outbox, other = (open_outbox(clock, alerts=alerts) for _ in range(2))
    monitors = [AlertMonitor(of, ["a", "b"]) for of in (outbox, other)]

    def check_all() -> list[tuple[str, str]]:
        for monitor in monitors:
            monitor.check_unattended(30.0)
        return webhook.take()

    QueueLooks(outbox, "b").record()
    outbox.put(statements(1, 3, "a", "b", "gone"))
    clock.now += 59
    assert check_all() == []
    QueueLooks(outbox, "b").record()
    clock.now += 1
    claim = outbox.queue("a").claim(3)
    assert check_all() == []  # a slow consumer keeps a worker from the next look, not from its lease
    outbox.queue("a").settle(claim, [Released(claim.rows)])
    assert check_all() == [("unattended", "raised")]
    assert "destination a: nobody has delivered for 60 s: is a worker up?" in caplog.text
    clock.now += 60
    assert check_all() == [("unattended", "raised")]  # of b; that of a stands
    QueueLooks(outbox, "a").record()
    assert check_all() == []
    monitors[1].check()
    assert sorted(webhook.take()) == [*[("unattended", "cleared")], *[("waiting", "raised")] * 3]

    quiet = AlertMonitor(open_outbox(clock, alerts=Alerts(unattended=None, webhook=webhook.url)), ["a"])
    clock.now += 3600
    quiet.check_unattended(30.0)
    assert webhook.take() == []


def test_one_process_sends_what_a_channel_does_not_take_and_never_for_longer_than_its_caller_has(
    open_outbox: OpenOutbox, clock: TurnedClock, webhook: Webhook, caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr(alerts_module, "_LOOK", 30.0)
    outbox = open_outbox(clock, alerts=Alerts(unattended=60.0, webhook=webhook.url))
    outbox.put(statements(1, 1, "a", "b"))
    clock.now += 60
    webhook.trickling = True
    for tries in (1, 1, 2):  # another process of those that emit is not slowed down, too
        started = time.monotonic()
        with time_limit(2.0):
            AlertMonitor(outbox, ["a", "b"]).check_unattended(30.0)
        assert time.monotonic() - started < 3.5
        assert webhook.tries == tries
        clock.now += 20
    webhook.trickling = False
    assert caplog.text.count("nobody has delivered") == 2  # though there was no time for two requests
    assert "unattended raised: not delivered by webhook" in caplog.text
    with suppress(OutboxError), time_limit(0.35):  # there is no time left to take back what is not taken
        AlertMonitor(outbox, ["a", "b"]).check_unattended(0.0)
    assert webhook.take() == []
    clock.now += 31
    AlertMonitor(outbox, ["a", "b"]).check_unattended(30.0)
    assert webhook.take() == [("unattended", "raised")] * 2


COMMAND = """
import json, sys
open(sys.argv[1], "a").write(json.load(sys.stdin)["state"] + chr(10))
"""


def test_each_channel_is_alerted_by_itself_and_once(
    open_outbox: OpenOutbox, clock: TurnedClock, webhook: Webhook, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    received = tmp_path / "received"
    command = (sys.executable, "-c", COMMAND, str(received))
    outbox = open_outbox(clock, alerts=Alerts(waiting=1, webhook=webhook.url, command=command))
    outbox.put(statements(1, 1, "a"))
    webhook.status = 500
    monitor = AlertMonitor(outbox)
    monitor.check()
    monitor.check()
    assert received.read_text() == "raised\n", "what fails elsewhere is no reason not to tell, nor to tell twice"
    assert webhook.tries == 1, "a channel that fails is left alone for a while"
    assert "alert of a, waiting raised: not delivered by webhook (HTTPError)" in caplog.text
    assert caplog.text.count("1 statements wait") == 1 and "kept-quiet" not in caplog.text

    webhook.status = 200
    clock.now += 30
    monitor.check()
    monitor.check()
    assert webhook.take() == [("waiting", "raised")]
    queue = outbox.queue("a")
    claim = queue.claim(1)
    queue.settle(claim, [Acknowledged(claim.rows)])
    monitor.check()
    assert (webhook.take(), received.read_text()) == ([("waiting", "cleared")], "raised\ncleared\n")


def test_a_command_that_fails_silences_nobody(
    open_outbox: OpenOutbox, clock: TurnedClock, webhook: Webhook, caplog: pytest.LogCaptureFixture
) -> None:
    outbox = open_outbox(clock, alerts=Alerts(waiting=1, unattended=None, webhook=webhook.url, command=("/bin/false",)))
    outbox.put(statements(1, 1, "a"))
    monitor = AlertMonitor(outbox)
    for _ in range(100):
        monitor.check()
        clock.now += 30
    assert webhook.take() == [("waiting", "raised")]
    assert 5 <= caplog.text.count("not delivered by command (CalledProcessError)") < 60


def test_the_engine_looks_at_once_when_a_destination_goes_down(open_outbox: OpenOutbox, webhook: Webhook) -> None:
    """Its next look by itself would come in half a minute."""
    outbox = open_outbox(alerts=Alerts(webhook=webhook.url))
    running = EmbeddedEngine(outbox, {}, http_sinks())
    running.start()
    outbox.queue("a").trip("halted 401", "HTTP 401", lambda failures: 60.0, probe=False)
    end = time.monotonic() + engine.MAINTENANCE_INTERVAL / 2
    while not webhook.messages and time.monotonic() < end:
        time.sleep(0.05)
    running.stop()
    assert webhook.take() == [("halted", "raised")]


def test_a_command_and_the_engines_own_look(
    open_outbox: OpenOutbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "MAINTENANCE_INTERVAL", 0.05)
    received = tmp_path / "received"
    code = "import sys; open(sys.argv[1], 'a').write(sys.stdin.read() + chr(10))"
    outbox = open_outbox(alerts=Alerts(waiting=1, command=(sys.executable, "-c", code, str(received))))
    outbox.put(statements(1, 1, "a"))
    running = EmbeddedEngine(outbox, {}, http_sinks())
    running.start()
    for _ in range(1200):
        if received.exists() and received.read_text().endswith("\n"):
            break
        time.sleep(0.05)
    running.stop()
    (line,) = received.read_text().splitlines()
    assert json.loads(line)["message"] == "learnrelay: destination a: 1 statements wait"


@pytest.mark.parametrize("credentials", ["", "hook:word%21@"])
def test_a_webhook_gets_no_credentials_but_those_of_its_address(
    credentials: str, open_outbox: OpenOutbox, clock: TurnedClock, webhook: Webhook, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login bob password not-for-a-webhook\n")
    monkeypatch.setenv("NETRC", str(tmp_path / ".netrc"))
    address = webhook.url.reveal().replace("http://", f"http://{credentials}")
    outbox = open_outbox(clock, alerts=Alerts(waiting=1, webhook=Secret(address)))
    outbox.put(statements(1, 2, "a"))
    AlertMonitor(outbox).check()
    assert webhook.take() == [("waiting", "raised")]
    expected = f"Basic {b64encode(b'hook:word!').decode()}" if credentials else None
    assert webhook.headers[-1]["Authorization"] == expected


def test_a_webhook_that_trickles_is_given_up(
    open_outbox: OpenOutbox, clock: TurnedClock, webhook: Webhook, monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:  # fmt: skip
    monkeypatch.setattr(alerts_module, "_TIMEOUT", 0.5)
    webhook.trickling = True
    outbox = open_outbox(clock, alerts=Alerts(waiting=1, webhook=webhook.url))
    outbox.put(statements(1, 2, "a"))
    started = time.monotonic()
    AlertMonitor(outbox).check()
    webhook.trickling = False
    assert time.monotonic() - started < 3
    assert "not delivered by webhook" in caplog.text


def test_a_spool_that_nobody_takes_in_is_alerted_for_its_machine(
    open_outbox: OpenOutbox, caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    ahead = 0.0
    settings = {"clock": lambda: time.time() + ahead, "spool": tmp_path / "spool"}
    outbox = open_outbox(**settings)
    monitor = AlertMonitor(outbox)
    other = AlertMonitor(open_outbox(**{**settings, "spool": tmp_path / "spool of another machine"}))
    other._spool = "(spool) of another"
    outbox.spool.append(SpoolRecord(statements(1, 2, "a")))
    monitor.check()
    assert not caplog.text
    ahead = 301.0
    for _ in range(2):
        monitor.check()
        other.check()
    name = rf"\(spool\) of {socket.gethostname()}"
    raised = re.findall(rf"alert raised: .* {name}: nobody has taken in the spool .* for 30\d s", caplog.text)
    assert len(raised) == 1
    assert "alert cleared" not in caplog.text
    outbox.take_in()
    (tmp_path / "spool" / "1-1-x.damaged").touch()
    monitor.check()
    assert re.search(rf"alert cleared: .* {name}: unattended: recovered", caplog.text)
    assert re.search(rf"alert raised: .* {name}: 1 damaged files are kept", caplog.text)


def test_emit_of_the_engine_none_raises_it_without_a_thread(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, webhook: Webhook, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(engine, "MAINTENANCE_INTERVAL", 0.2)
    monkeypatch.setenv("SECRET", "Kd7wq2Lmz9Xv4bTn")
    file = tmp_path / "relay.toml"
    sections: dict[str, dict[str, object]] = {
        "delivery": {"database": "sqlite:///outbox.db", "engine": "none"},
        "delivery.alerts": {"unattended": "1s", "webhook": webhook.url.reveal()},
    }
    destinations = {"a": {"standard": "xapi", "url": "http://127.0.0.1:9/"}}
    file.write_text(relay_toml(["xapi.video"], destinations, **sections))
    threads = threading.active_count()
    with Relay.from_file(file) as relay:
        messages: list[tuple[str, str]] = []
        end = time.monotonic() + 30
        while not messages and time.monotonic() < end:
            assert relay.emit(event("play_video", data={"id": f"video{time.monotonic()}"}, user_id=7))[0].statements
            assert threading.active_count() == threads
            messages = webhook.take()
            time.sleep(0.3)
        assert messages == [("unattended", "raised")]
        relay.emit(event("play_video", data={"id": "the next"}, user_id=7))
        assert webhook.take() == []
    assert caplog.text.count("destination a: nobody has delivered for ") == 1
