"""A console in this process over an outbox with refused statements, and a browser of few words, for tests."""

from __future__ import annotations

import http.client
import json
import re
import socket
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import uvicorn

from learnrelay.assembly.assemble import assemble
from learnrelay.outbox import Outbox, OutgoingStatement
from learnrelay.outbox.history import INTERVAL, SAMPLES
from learnrelay.outbox.queue import DeadLettered
from learnrelay.outbox.rates import RateMeter
from learnrelay_serve.console.console_server import ConsoleServer
from learnrelay_serve.console.event_flows import EventFlows
from learnrelay_serve.console.pages import ShownRelay

SECRETS = {
    "SECRET": "Kd7wq2Lmz9Xv4bTn",
    "LOOK_TOKEN": "Zt8vPq3Ln6Wy1RkB5mXc",
    "ACT_TOKEN": "Hq5nTz9Bc2Vx7MwK4jRd",
}
CONFIG = """
[platform]
root_url = "https://learn.example.org"
source = "openedx"
[plugins]
enabled = ["xapi.video", "xapi.enrollment"]
[identity]
provider = "keyed"
secret = "env:SECRET"
[delivery]
database = "sqlite:///outbox.db"
[destinations.main]
standard = "xapi"
url = "https://lrs.example.org/xapi"
scope = "all"
[destinations.partner]
standard = "xapi"
url = "https://partner.example.org/xapi"
scope = "all"
match = {{ "context.org_id" = ["Harbour"] }}
[console]
listen = "127.0.0.1:{port}"
{console}
[console.tokens.ada]
token = "env:ACT_TOKEN"
role = "act"
[console.tokens.ben]
token = "env:LOOK_TOKEN"
"""
HOSTILE = "HTTP 400: <script>alert(1)</script><img src=x onerror=alert(2)>\x1b[2J\u202egnp.exe\"'>{{ 7 * 7 }} \u00e9"
"""What a consumer might answer."""
STATEMENT = (
    b'{"id":"%s","actor":{"objectType":"Agent","account":{"homePage":"https://learn.example.org","name":"hidden"}},'
    b'"verb":{"id":"https://w3id.org/xapi/video/verbs/played","display":{"en":"played"}},"object":{"objectType":'
    b'"Activity","id":"https://learn.example.org/a-long-address-of-a-video-block-that-has-no-place-to-break"}}'
)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


_numbers = iter(range(1, 10**9))


def refuse(
    outbox: Outbox, destination: str, number: int, reason: str, event: str = "play_video", *, conflict: bool = False
) -> None:
    """Stores statements for a destination, and has them refused."""
    ids = [f"{next(_numbers):08x}-0000-4000-8000-000000000000" for _ in range(number)]
    outbox.put([OutgoingStatement("xapi", key, event, STATEMENT % key.encode(), (destination,)) for key in ids])
    queue = outbox.queue(destination)
    claim = queue.claim(number)
    assert len(claim.rows) == number
    refused = [DeadLettered(row, reason.replace("NUMBER", str(at)), conflict) for at, row in enumerate(claim.rows)]
    queue.settle(claim, refused)


def store(outbox: Outbox, destination: str, number: int) -> None:
    """Stores statements that wait."""
    ids = [f"{next(_numbers):08x}-0000-4000-8000-000000000000" for _ in range(number)]
    outbox.put([OutgoingStatement("xapi", key, "play_video", b'{"id":"x"}', (destination,)) for key in ids])


def live_a_day(outbox: Outbox, destination: str) -> None:
    """Writes the samples of a day: more and more waits, then it is delivered; for an hour nothing is known."""
    newest, delivered = int(outbox.clock() // INTERVAL), 0
    rows = []
    buckets = {20: 0, 50: 0}  # 32 ms, 5.8 s
    for at in range(SAMPLES):
        buckets[20] += 90
        buckets[50] += 200 if 150 < at < 200 else 10
        delivered += 3000 if at > 200 else 300 + 10 * at
        waiting = at * 40 if at <= 200 else max(0, 8000 - (at - 200) * 140)
        if not 100 <= at < 112:
            rows.append({"number": newest - SAMPLES + 1 + at, "waiting": waiting, "delivered": delivered,
                         "latency": json.dumps(buckets)})  # fmt: skip
    with outbox.database.transaction() as transaction:
        transaction.change_many(
            f"""INSERT INTO learnrelay_history (sampled, destination, waiting, delivered, latency)
            VALUES (:number, '{destination}', :waiting, :delivered, :latency)
            ON CONFLICT (sampled, destination) DO NOTHING""",
            rows,
        )


class TurnedTime:
    """Counts seconds; stands still until a test turns it."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


class ConsoleSite:
    """Holds a running console. ``elapsed``: the clock of its sessions."""

    def __init__(self, folder: Path, console: str = "") -> None:
        self.port = free_port()
        self.config = folder / "relay.toml"
        self.config.write_text(CONFIG.format(port=self.port, console=console), encoding="utf-8")
        assembly = assemble(self.config)
        self.outbox = Outbox.open(assembly.config.delivery)
        self.rates = RateMeter()
        self.elapsed = TurnedTime()
        relay = ShownRelay(assembly, self.outbox, self.rates, EventFlows(assembly))
        application = ConsoleServer(relay, assembly.config.console, self.elapsed).application
        self._server = uvicorn.Server(
            uvicorn.Config(application, port=self.port, lifespan="off", log_config=None, access_log=False)
        )
        self._thread = threading.Thread(target=self._server.run, daemon=True)
        self._thread.start()
        while not self._server.started:
            time.sleep(0.01)

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def visitor(self, token: str = "") -> Visitor:
        """Returns a visitor; with the name of a token, one who has logged in."""
        visitor = Visitor(self.port)
        if token:
            assert visitor.post("/login", token=SECRETS[token]).status == 303
        return visitor

    def stop(self) -> None:
        self._server.should_exit = True
        self._thread.join(10)
        self.outbox.close()


@contextmanager
def running_site(folder: Path, console: str = "") -> Iterator[ConsoleSite]:
    site = ConsoleSite(folder, console)
    try:
        yield site
    finally:
        site.stop()


class Answered:
    """Holds an answer."""

    def __init__(self, response: http.client.HTTPResponse) -> None:
        self.status = response.status
        self.headers = response.headers
        self.text = response.read().decode()

    @property
    def csrf(self) -> str:
        match = re.search(r'name="csrf" value="([^"]+)"', self.text)
        assert match, self.text
        return match[1]

    def fields(self, address: str) -> dict[str, str]:
        """Returns the hidden fields of the first form for an address."""
        match = re.search(rf'<form[^>]* action="{re.escape(address)}".*?</form>', self.text, re.DOTALL)
        assert match, f"{address} is no form of:\n{self.text}"
        return dict(re.findall(r'<input type="hidden" name="([^"]*)" value="([^"]*)"', match[0]))


class Visitor:
    """Asks for pages, and keeps the cookie."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.cookie = ""

    def request(self, method: str, path: str, body: bytes | None = None, **headers: str) -> Answered:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        sent = {"Cookie": self.cookie} if self.cookie else {}
        sent |= {name.replace("_", "-"): value for name, value in headers.items()}
        try:
            connection.request(method, path, body, sent)
            answered = Answered(connection.getresponse())
        finally:
            connection.close()
        if cookie := answered.headers.get("Set-Cookie"):
            self.cookie = cookie.partition(";")[0]
        return answered

    def get(self, path: str, **headers: str) -> Answered:
        return self.request("GET", path, **headers)

    def post(self, path: str, form: Mapping[str, Any] | None = None, **values: str) -> Answered:
        body = urlencode({**(form or {}), **values}).encode()
        return self.request("POST", path, body, Content_Type="application/x-www-form-urlencoded")
