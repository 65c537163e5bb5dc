"""What lies in the broker and in the outbox, and what passes: no credential anywhere, no event in the broker."""

from __future__ import annotations

import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from installation import Installation
from plain import event
from relay_files import relay_toml
from services import redis_server

from .consumer import Consumer

EMIT = """
import sys
from learnrelay import Relay
with Relay.from_file(sys.argv[1]) as relay:
    for line in sys.stdin:
        relay.emit(line)
"""


class Broker:
    """Runs a Redis with a password, and records the commands that it gets."""

    password = "br0ker-passw0rd"

    def __init__(self, directory: Path) -> None:
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        self.process = subprocess.Popen(
            [
                redis_server(),
                "--port",
                str(self.port),
                "--requirepass",
                self.password,
                "--save",
                "",
                "--dir",
                directory,
            ],
            stdout=subprocess.DEVNULL,
        )
        self.client = redis.Redis(port=self.port, password=self.password)
        deadline = time.monotonic() + 60
        while True:
            try:
                self.client.ping()
                break
            except redis.ConnectionError:
                assert time.monotonic() < deadline
                time.sleep(0.05)
        self.heard = bytearray()
        self._wire = socket.create_connection(("127.0.0.1", self.port))
        self._wire.sendall(f"AUTH {self.password}\r\nMONITOR\r\n".encode())
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        while chunk := self._wire.recv(65536):
            self.heard += chunk

    @property
    def url(self) -> str:
        return f"redis://:{self.password}@127.0.0.1:{self.port}/0"

    def contents(self) -> bytes:
        """Lists all keys and values, as they are kept."""
        return b"".join(key + (self.client.dump(key) or b"") for key in self.client.scan_iter())

    def stop(self) -> None:
        self.process.kill()
        self.process.wait()


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Broker]:
    made = Broker(tmp_path)
    yield made
    made.stop()


@pytest.mark.slow
def test_neither_broker_nor_outbox_holds_what_it_should_not(
    plain_installation: Installation, tmp_path: Path, broker: Broker
) -> None:
    consumer = Consumer()
    consumer.behave = lambda ids: (401, {}, b"who is t0ken-t0ken-t0ken?")
    config, database = tmp_path / "relay.toml", tmp_path / "outbox.db"
    main = {
        "url": consumer.url,
        "auth": {"scheme": "bearer", "token": "env:TOKEN"},
        "batch": {"size": 2, "interval": "10ms"},
        "retry": {"attempts": 3, "backoff": "50ms", "ceiling": "200ms"},
    }
    delivery = {"engine": "celery", "database": f"sqlite:///{database}", "broker": "env:BROKER"}
    config.write_text(relay_toml(destinations={"main": main}, identity={"secret": "env:IDENTITY"}, delivery=delivery))
    secrets = {"IDENTITY": "1dentity-secret" * 3, "TOKEN": "t0ken-t0ken-t0ken", "BROKER": broker.url}
    environment = {
        **os.environ,
        **secrets,
        "PYTHONPATH": str(plain_installation.site),
        "LEARNRELAY_CONFIG": str(config),
    }
    lines = [
        json.dumps({**event(user_id=471100, data={"video": f"film-{n}", "secret": "hush-hush"}),
                    "timestamp": f"2026-03-02T09:00:0{n}Z"})
        for n in range(5)
    ]  # fmt: skip
    emit = [sys.executable, "-c", EMIT, str(config)]
    subprocess.run(emit, input="\n".join(lines), text=True, check=True, timeout=60, env=environment)
    assert b"learnrelay" in broker.contents(), "a task waits"
    kept = broker.contents()

    celery = [
        sys.executable,
        "-m",
        "celery",
        "-A",
        "learnrelay.celery",
        "worker",
        "-c",
        "1",
        "-l",
        "debug",
    ]
    with (tmp_path / "worker.log").open("wb") as log:
        worker = subprocess.Popen(celery, env=environment, stdout=log, stderr=log, start_new_session=True)
    try:
        deadline = time.monotonic() + 120
        while not consumer.requests and time.monotonic() < deadline:
            time.sleep(0.05)
        kept += broker.contents()
        with sqlite3.connect(database) as connection:
            tables = [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
            rows = {name: repr(connection.execute(f"SELECT * FROM {name}").fetchall()) for name in tables}
        files = b"".join(file.read_bytes() for file in tmp_path.glob("outbox.db*"))
        consumer.behave = lambda ids: None
        while len(consumer.stored) < 5 and time.monotonic() < deadline:
            kept += broker.contents()
            time.sleep(0.05)
    finally:
        os.killpg(worker.pid, signal.SIGTERM)
        worker.wait(120)
        consumer.stop()
    assert len(consumer.stored) == 5, (tmp_path / "worker.log").read_text()
    assert {headers["Authorization"] for headers in consumer.headers} == {f"Bearer {secrets['TOKEN']}"}

    log_text = (tmp_path / "worker.log").read_bytes()
    assert b"learnrelay.drain" in broker.heard and b"main" in broker.heard
    assert "film-0" in rows["learnrelay_statement"], "the outbox holds statements"
    never = [*secrets.values(), broker.password, "hush-hush", "471100"]
    for place, content in (("broker", kept), ("wire", bytes(broker.heard)), ("log", log_text), ("files", files)):
        for word in never:
            assert word.encode() not in content, f"{word} in the {place}"
    for name, content in rows.items():
        for word in never:
            assert word not in content, f"{word} in {name}"
    statement_ids = list(consumer.stored)
    for word in ["film-", *statement_ids, *(json.dumps(statement)[:40] for statement in consumer.stored.values())]:
        assert word.encode() not in kept + bytes(broker.heard), f"{word} in the broker"
