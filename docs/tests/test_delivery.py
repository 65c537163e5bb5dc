"""Each row of the table in docs/delivery.md, against a real server that does just that."""

from __future__ import annotations

import json
import re
import socket
import ssl
import subprocess
import threading
import uuid
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import takewhile
from pathlib import Path
from typing import Any

import pytest

from delivery.conftest import Drain, TurnedClock
from destinations import http_destination, http_settings
from learnrelay.config.models import BatchLimits, Delivery, Retry
from learnrelay.config.secrets import Secret
from learnrelay.delivery.alerts import AlertMonitor
from learnrelay.outbox import DeadLetterFilter, Outbox, OutgoingStatement
from learnrelay_xapi.standard import XapiSettings, XapiStandard

IDS = [str(uuid.UUID(int=number)) for number in range(1, 11)]
CULPRIT = IDS[6]
HANG = b"hang"
Script = Callable[[list[str]], bytes | None]


class ScriptedServer:
    """Answers with bytes as they are scripted, by the ids of a request: None takes all, empty closes the connection."""

    def __init__(self, context: ssl.SSLContext | None = None) -> None:
        self.script: Script = lambda ids: None
        self.stored: list[str] = []
        self.requests = 0
        self._end = threading.Event()
        self._context = context
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._converse, args=(connection,), daemon=True).start()

    def _converse(self, connection: socket.socket) -> None:
        try:
            if self._context:
                connection = self._context.wrap_socket(connection, server_side=True)
            file = connection.makefile("rb")
            while True:
                head = b"".join(takewhile(b"\r\n".__ne__, iter(file.readline, b"")))
                if not head.startswith(b"POST"):
                    break
                length = int(re.search(rb"(?i)content-length: (\d+)", head)[1])  # type: ignore[index]
                self.requests += 1
                ids = [statement["id"] for statement in json.loads(file.read(length))]
                answer = self.script(ids)
                if answer == HANG:
                    self._end.wait(10)
                    break
                if answer is None:
                    self.stored += ids
                    answer = reply(200, json.dumps(ids).encode())
                connection.sendall(answer)
                if not answer.startswith(b"HTTP/1.1 ") or b"broken" in answer:
                    break
        except OSError:
            pass
        finally:
            connection.close()

    def stop(self) -> None:
        self._end.set()
        self._listener.close()


def reply(status: int, body: bytes = b"", headers: str = "") -> bytes:
    return f"HTTP/1.1 {status} Said\r\n{headers}Content-Length: {len(body)}\r\n\r\n".encode() + body


def to_one(answer: bytes) -> Script:
    return lambda ids: answer if CULPRIT in ids else None


def takes(server: ScriptedServer, answer: Callable[[list[str]], bytes]) -> Script:
    def script(ids: list[str]) -> bytes:
        server.stored += ids
        return answer(ids)

    return script


def takes_three(server: ScriptedServer, status: int) -> Script:
    def script(ids: list[str]) -> bytes:
        taken = ids[:3]
        server.stored += taken
        return reply(status, json.dumps(taken).encode())

    return script


def knows_some(server: ScriptedServer) -> Script:
    """Has some statements already, and names only the others; answers 204 where there are none."""
    server.stored += IDS[1:3]

    def script(ids: list[str]) -> bytes:
        new = [i for i in ids if i not in server.stored]
        server.stored += new
        return reply(200, json.dumps(new).encode()) if new else reply(204)

    return script


def takes_no_culprit(server: ScriptedServer) -> Script:
    def script(ids: list[str]) -> bytes:
        taken = [i for i in ids if i != CULPRIT]
        server.stored += taken
        return reply(200, json.dumps(taken).encode())

    return script


def says(answer: bytes) -> Script:
    return lambda ids: answer


LARGE = b" " * 2_000_000 + b'["no id"]'
PAGE = b"<!DOCTYPE html><form>Log in</form>"

SCRIPTS: dict[str, Callable[[ScriptedServer, int], Script]] = {
    "no answer in time": lambda s, n: says(HANG),
    "no answer in time, to one statement": lambda s, n: to_one(HANG),
    "the connection is closed without an answer": lambda s, n: says(b""),
    "the connection is closed without an answer, to one statement": lambda s, n: to_one(b""),
    "the answer breaks off": lambda s, n: says(b"HTTP/1.1 200 OK\r\nContent-Length: 999\r\n\r\n[\"broken"),
    "the answer is no HTTP": lambda s, n: says(b"220 mail.example.org ESMTP\r\n"),
    "with the ids": lambda s, n: lambda ids: None,
    "with the ids of some of them": takes_three,
    "with only the ids that are new, without a body if none is": lambda s, n: knows_some(s),
    "that never names one of them": lambda s, n: takes_no_culprit(s),
    "without a body": lambda s, n: takes(s, lambda ids: reply(n)),
    "with a page, or anything that is no JSON": lambda s, n: says(reply(n, PAGE)),
    "with the id of another statement": lambda s, n: says(reply(n, json.dumps([str(uuid.UUID(int=99))]).encode())),
    "with an answer of more than 1 MiB": lambda s, n: says(reply(n, LARGE)),
    "with an answer of more than 1 MiB, to one statement": lambda s, n: to_one(reply(n, LARGE)),
    "": lambda s, n: says(reply(n, b'{"message": "said so"}', "Location: http://127.0.0.1:1/\r\n" * (n < 400))),
    "to one statement": lambda s, n: to_one(reply(n, b'{"message": "said so"}')),
    "to more than two statements": lambda s, n: lambda ids: reply(n) if len(ids) > 2 else None,
}  # fmt: skip
"""What a row says besides its status → what the server does."""

UNREACHED = {
    "connection refused",
    "the name is not known (DNS)",
    "no connection in time",
    "TLS fails, or the certificate is not accepted",
    "the proxy refuses",
}


def rows() -> Iterator[Any]:
    page = (Path(__file__).parents[1] / "delivery.md").read_text(encoding="utf-8")
    table = re.search(r"\| what happens \|.*?\n\|---.*?\n(.*?)\n\n", page, flags=re.DOTALL)
    assert table
    documented = set()
    for line in table[1].splitlines():
        case, destination, statements = (cell.strip() for cell in line.strip("|").split("|"))
        text = re.sub(r"`\d+`,? ?", "", case)
        documented.add(text)
        for status in re.findall(r"`(\d+)`", case) or ["0"]:
            yield pytest.param(text, int(status), destination, statements, id=f"{status} {text}")
    assert documented == SCRIPTS.keys() | UNREACHED


@pytest.fixture
def unreached(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], str]]:
    """Yields the URL of a destination that cannot be reached, as the row has it."""
    held: list[Any] = []

    def url(case: str) -> str:
        if case == "connection refused":
            return "http://127.0.0.1:1/statements"
        if case == "the name is not known (DNS)":
            return "http://nowhere.invalid/statements"
        if case == "the proxy refuses":
            monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
            monkeypatch.setenv("no_proxy", "")
            return "http://lrs.invalid/statements"
        if case == "no connection in time":  # the queue of connections that nobody accepts is full
            full = socket.create_server(("127.0.0.1", 0), backlog=0)
            held.extend([full, *(socket.socket() for _ in range(4))])
            for waiting in held[1:]:
                waiting.setblocking(False)
                waiting.connect_ex(full.getsockname())
            return f"http://127.0.0.1:{full.getsockname()[1]}/statements"
        key, certificate = tmp_path / "key.pem", tmp_path / "cert.pem"
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", certificate,
             "-days", "2", "-subj", "/CN=127.0.0.1"], check=True, capture_output=True,
        )  # fmt: skip
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        held.append(server := ScriptedServer(context))
        return f"https://127.0.0.1:{server.port}/statements"

    yield url
    for server in held:
        server.stop() if isinstance(server, ScriptedServer) else server.close()


@pytest.mark.parametrize(("case", "status", "destination", "statements"), list(rows()))
def test_treatment(
    case: str,
    status: int,
    destination: str,
    statements: str,
    tmp_path: Path,
    unreached: Callable[[str], str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock, server = TurnedClock(), ScriptedServer()
    outbox = Outbox.open(Delivery(database=Secret(f"sqlite:///{tmp_path}/outbox.db")), clock)
    outbox.put([OutgoingStatement("xapi", i, "x", b'{"id":"%s"}' % i.encode(), ("lrs",)) for i in IDS])
    settings = http_destination(
        "lrs", "xapi", f"http://127.0.0.1:{server.port}/statements", "all", batch=BatchLimits(5, 0.0),
        retry=Retry(attempts=3, backoff=1.0, ceiling=60.0), timeout=1.0 if "in time" in case else 60.0,
    )  # fmt: skip
    standard = XapiStandard(XapiSettings().load({}))
    if case in UNREACHED:
        server_as_told = replace(settings, settings=http_settings(unreached(case)))
    else:
        server.script = SCRIPTS[case](server, status)
        server_as_told = settings
    drain = Drain(outbox, clock, server_as_told, standard)
    rest = drain.burst()
    while statements.startswith("retried alone") and drain.status.waiting > 1:  # a probe first, then it is believed
        clock.now += rest.seconds
        rest = drain.burst()
    watch = AlertMonitor(outbox)
    watch.check()
    now = drain.status
    with outbox.database.transaction() as transaction:
        alerts = {row[0] for row in transaction.execute("SELECT condition FROM learnrelay_alert")}

    if destination == "goes on":
        assert not now.paused
        assert set(server.stored) >= set(IDS) - {CULPRIT}
    else:
        assert now.paused and now.halted == (destination == "halted")
        assert (now.waiting, now.dead) == (10, 0) and now.retry_at
        if status:
            assert f"HTTP {status}" in now.paused
        assert alerts == ({"halted"} if destination == "halted" else set())

    dead = outbox.dead_letters.list()
    match statements:
        case "stored":
            assert (now.delivered, now.waiting, now.dead) == (10, 0, 0) and set(server.stored) == set(IDS)
        case "dead letter" | "conflict":
            assert (now.delivered, now.waiting, now.dead + now.conflicts) == (9, 0, 1)
            assert [letter.statement_id for letter in dead] == [CULPRIT]
            assert dead[0].reason.startswith(f"HTTP {status}")
            assert dead[0].conflict == (statements == "conflict") == (now.conflicts == 1)
            assert alerts == (set() if dead[0].conflict else {"dead"})
        case "retried alone" | "retried alone, then dead letter":
            assert (now.delivered, now.waiting, now.dead) == (9, 1, 0)
            drain.spend(60)
            later = drain.status
            assert (later.waiting, later.dead) == ((1, 0) if statements == "retried alone" else (0, 1))
            assert not later.paused
            for letter in outbox.dead_letters.list():
                assert letter.reason.startswith(f"HTTP {status}") and letter.reason.endswith("3 times")
        case _:
            assert statements == "kept"

    drain.close()  # and all is mended: what was kept arrives
    monkeypatch.delenv("http_proxy", raising=False)
    server.script = lambda ids: None
    mended = Drain(outbox, clock, replace(settings, timeout=60.0), standard)
    outbox.dead_letters.retry(DeadLetterFilter())
    mended.run()
    assert set(server.stored) == set(IDS) and mended.status.delivered == 10
    mended.close()
    outbox.close()
    server.stop()
