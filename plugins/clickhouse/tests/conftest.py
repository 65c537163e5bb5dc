"""Runs a ClickHouse for the tests that need one."""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from learnrelay.config.models import Destination
from learnrelay_clickhouse.connection import Connection
from learnrelay_clickhouse.sink import ClickHouseSink
from learnrelay_xapi.standard import XapiStandard

PASSWORD = "Kd7wq2Lmz9Xv4bTn"


class Server:
    """A ClickHouse over HTTP that can die and come back at the same port."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        with socket.create_server(("127.0.0.1", 0)) as taken:
            self.port = taken.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.start()

    def start(self) -> None:
        script = Path(__file__).with_name("clickhouse_server.py")
        command = [sys.executable, str(script), str(self.folder), str(self.port), PASSWORD]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE)
        assert self.process.stdout and self.process.stdout.readline()

    def order(self, what: str) -> None:
        """Lets it "die before", "die after" or "be silent" at the next insert."""
        (self.folder / "order").write_text(what)

    def restart_when_dead(self, seconds: float = 30.0) -> None:
        self.process.wait(seconds)
        self.start()

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def run(self, *statements: str) -> None:
        connection = self.connect()
        for sql in statements:
            connection.command(sql)
        connection.close()

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        connection = self.connect()
        try:
            return connection.query(sql, {})
        finally:
            connection.close()

    def connect(self) -> Connection:
        connection = Connection(load(self.url), 20)
        connection.connect()
        return connection


def load(url: str, **keys: Any) -> Mapping[str, Any]:
    """Loads the keys of the sink, as of a destination in an operator's file."""
    from learnrelay.assembly.core_plugins import CORE_AUTH_SCHEMES
    from learnrelay.auth import AUTH_SCHEMES

    auth = {"scheme": "basic", "username": "relay", "password": PASSWORD}
    token = AUTH_SCHEMES.set(CORE_AUTH_SCHEMES)
    try:
        return ClickHouseSink.settings_schema().load(
            {"url": url, "auth": auth, "table": "openedx.xapi_events_all", **keys}
        )
    finally:
        AUTH_SCHEMES.reset(token)


def make_sink(url: str, timeout: float = 20.0, **keys: Any) -> ClickHouseSink:
    from learnrelay.config.problems import load_section

    settings = load(url, **keys)
    standard_settings, _ = load_section(XapiStandard.settings_schema(), {}, "xapi", "xapi")
    destination = Destination("aspects", "xapi", "all", "clickhouse", settings, timeout=timeout)
    return ClickHouseSink(settings, XapiStandard(standard_settings), destination)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    if find_spec("chdb") is None:
        pytest.skip("needs ClickHouse: pip install --group servers")
    server = Server(tmp_path_factory.mktemp("clickhouse"))
    yield server
    server.kill()


@pytest.fixture
def sink(server: Server) -> Iterator[ClickHouseSink]:
    made = make_sink(server.url)
    made.open()
    yield made
    made.close()
