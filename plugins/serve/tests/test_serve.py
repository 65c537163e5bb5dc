"""``learnrelay serve`` as a sender meets it: real requests to a real process, and the outbox behind it."""

from __future__ import annotations

import gzip
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from learnrelay import ConfigurationError
from learnrelay.assembly.assemble import assemble
from learnrelay.config.models import Delivery
from learnrelay.config.secrets import Secret
from learnrelay.inputs import ProbeResult
from learnrelay.outbox import Outbox
from learnrelay.outbox.statistics import Statistics
from learnrelay_serve.connections import HEAD_PATIENCE

TOKENS = {
    "LMS_TOKEN": "Zt8vPq3Ln6Wy1RkB5mXc",
    "APP_TOKEN": "Hq5nTz9Bc2Vx7MwK4jRd",
    "SLOW_TOKEN": "Lw3yGk8Fd6Pb1SnV9tQe",
}
CONFIG = """
[platform]
root_url = "https://learn.example.org"
[plugins]
enabled = ["xapi.video", "xapi.enrollment"]
[identity]
provider = "keyed"
secret = "env:SECRET"
[delivery]
database = "sqlite:///outbox.db"
{delivery}
[destinations.main]
standard = "xapi"
url = "http://127.0.0.1:1/"
scope = "all"
[inputs.web]
input = "http"
listen = "127.0.0.1:{port}"
largest = 100_000
connections = 20
wait = "1s"
patience = "1s"
[inputs.web.tokens.lms]
token = "env:LMS_TOKEN"
[inputs.web.tokens.app]
token = "env:APP_TOKEN"
trust = "client"
[inputs.web.tokens.slow]
token = "env:SLOW_TOKEN"
rate = 10
"""


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


class Served:
    """Holds a process of the command, and what is behind it."""

    def __init__(self, directory: Path, delivery: str = "") -> None:
        self.directory = directory
        self.port = free_port()
        self.config = directory / "relay.toml"
        self.config.write_text(CONFIG.format(port=self.port, delivery=delivery), encoding="utf-8")
        self.start()

    def start(self) -> None:
        command = [str(Path(sys.executable).parent / "learnrelay"), "serve", "--config", str(self.config)]
        environment = {**os.environ, **TOKENS, "SECRET": "Kd7wq2Lmz9Xv4bTn"}
        self.process = subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True)
        deadline = time.monotonic() + 60
        while True:
            try:
                if self.get("/healthz")[0] == 200:
                    return
            except OSError:
                assert time.monotonic() < deadline and self.process.poll() is None, self.process.communicate()[1]
                time.sleep(0.05)

    def request(self, method: str, path: str, body: Any, headers: Mapping[str, str]) -> tuple[int, bytes, Any]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request(method, path, body, dict(headers))
            response = connection.getresponse()
            return response.status, response.read(), response.headers
        finally:
            connection.close()

    def get(self, path: str) -> tuple[int, bytes]:
        return self.request("GET", path, None, {})[:2]

    def post(self, body: Any, token: str = "LMS_TOKEN", **headers: str) -> tuple[int, dict[str, Any]]:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        status, answer, _ = self.request("POST", "/events", body, {"Authorization": f"Bearer {TOKENS[token]}", **named})
        return status, json.loads(answer)

    def outbox(self) -> Outbox:
        return Outbox.open(Delivery(database=Secret(f"sqlite:///{self.directory}/outbox.db")))

    def waiting(self) -> int:
        outbox = self.outbox()
        try:
            return outbox.status(["main"])["main"].waiting
        finally:
            outbox.close()

    def outcomes(self) -> Mapping[Any, int]:
        outbox = self.outbox()
        try:
            return Statistics.read(outbox).outcomes
        finally:
            outbox.close()

    def stop(self) -> str:
        self.process.send_signal(signal.SIGTERM)
        return self.process.communicate(timeout=60)[1]


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Returns a server for all tests that leave it as it is."""
    made = Served(tmp_path_factory.mktemp("serve"))
    yield made
    stderr = made.stop()
    assert made.process.returncode == 0, stderr
    assert not any(token in stderr for token in TOKENS.values())
    assert "Traceback" not in stderr, stderr


_numbers = iter(range(10**6))


def event(name: str = "play_video", **data: Any) -> dict[str, Any]:
    """Returns an event that no other is like."""
    moment = f"2026-03-02T09:00:00.{next(_numbers):06}+00:00"
    return {
        "event_type": name, "event_source": "server", "username": "ada", "time": moment,
        "event": {"id": "v1", "code": "mobile", "currentTime": 3, **data},
        "context": {"user_id": 7, "course_id": "course-v1:Harbour+SAIL+2026", "org_id": "Harbour"},
    }  # fmt: skip


def test_an_answer_does_not_wait_for_an_acknowledgement_of_its_head(served: Served) -> None:
    times = []
    connection = http.client.HTTPConnection("127.0.0.1", served.port, timeout=30)
    for _ in range(60):  # the kernel acknowledges the first packets of a connection at once
        started = time.perf_counter()
        connection.request("GET", "/healthz")
        connection.getresponse().read()
        times.append(time.perf_counter() - started)
    connection.close()
    assert min(times[40:]) < 0.03


def lines(number: int) -> bytes:
    return b"".join(json.dumps(event()).encode() + b"\n" for _ in range(number))


def test_what_is_answered_with_202_is_in_the_outbox(served: Served) -> None:
    before = served.waiting()
    assert served.post(lines(3)) == (202, {"stored": 3})
    assert served.waiting() == before + 3
    assert served.post(json.dumps([event(), event()])) == (202, {"stored": 2})
    assert served.post(gzip.compress(lines(4)), Content_Encoding="gzip") == (202, {"stored": 4})
    assert served.waiting() == before + 9


def test_the_good_ones_of_a_body_are_kept_and_the_bad_ones_numbered(served: Served) -> None:
    before = served.waiting()
    body = lines(1) + b"garbage\n" + lines(1) + b'{"no": "name"}\n\xff{"\n' + lines(1)
    status, answer = served.post(body)
    assert (status, answer["stored"]) == (400, 3)
    assert [entry["number"] for entry in answer["refused"]] == [2, 4, 5]
    assert "garbage" not in json.dumps(answer)
    assert served.waiting() == before + 3


@pytest.mark.parametrize(
    "authorization", [None, "", "Bearer", "Bearer x", f"Basic {TOKENS['LMS_TOKEN']}", f"Bearer {TOKENS['LMS_TOKEN']}x"]
)
def test_without_a_token_nothing_is_taken(authorization: str | None, served: Served) -> None:
    headers = {} if authorization is None else {"Authorization": authorization}
    status, answer, given = served.request("POST", "/events", lines(1), headers)
    assert (status, given["WWW-Authenticate"]) == (401, "Bearer")
    assert json.loads(answer)["stored"] == 0


def test_nothing_in_a_body_raises_its_trust(served: Served) -> None:
    """A client that says of its event that the server has sent it."""
    claimed = event("edx.course.enrollment.activated", course_id="course-v1:Harbour+SAIL+2026", user_id=7, mode="audit")
    before, waiting = served.outcomes(), served.waiting()
    assert served.post(json.dumps(claimed), token="APP_TOKEN")[0] == 202
    assert served.post(json.dumps([claimed]), token="APP_TOKEN")[0] == 202
    key = ("xapi", "skipped", "only the server emits this event, and this one came from a browser or an app")
    assert served.outcomes()[key] == before[key] + 2
    assert served.waiting() == waiting
    assert served.post(json.dumps(claimed))[0] == 202
    assert served.waiting() == waiting + 1, "the platform's own word"


@pytest.mark.parametrize(
    ("body", "headers", "status"),
    [
        (b"", {}, 400),
        (b" \n\n", {}, 400),
        (b'[{"cut": ', {}, 400),
        (b"x" * 100_001, {}, 413),
        (gzip.compress(b"x" * 10**6), {"Content_Encoding": "gzip"}, 413),
        (b"no gzip", {"Content_Encoding": "gzip"}, 400),
        (b"x", {"Content_Encoding": "br"}, 415),
        (b"\x92\x01\x80", {"Content_Type": "application/msgpack"}, 415),
    ],
    ids=["empty", "blank", "cut", "large", "large when unpacked", "no gzip", "another encoding", "MessagePack"],
)
def test_bodies_of_which_nothing_is_kept(body: bytes, headers: dict[str, str], status: int, served: Served) -> None:
    before = served.waiting()
    answered, answer = served.post(body, **headers)
    assert (answered, answer["stored"]) == (status, 0)
    assert served.waiting() == before


def test_a_body_without_a_length_is_bounded_too(served: Served) -> None:
    answered, _ = served.post(iter([b"x" * 60_000, b"x" * 60_000]))
    assert answered == 413


def test_slow_clients_are_cut_off(served: Served) -> None:
    head = f"POST /events HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {TOKENS['LMS_TOKEN']}\r\n"
    with socket.create_connection(("127.0.0.1", served.port), timeout=30) as slow:
        slow.sendall(f"{head}Content-Length: 500\r\n\r\n".encode() + b'{"half": ')
        assert b" 408 " in slow.recv(100)


@pytest.mark.slow
def test_a_head_that_drips_is_cut_off(served: Served) -> None:
    with socket.create_connection(("127.0.0.1", served.port), timeout=HEAD_PATIENCE + 20) as slow:
        slow.sendall(b"POST /events HTTP/1.1\r\nHost: ")
        assert slow.recv(100) == b""


def test_too_many_connections_are_refused(served: Served) -> None:
    connections = [socket.create_connection(("127.0.0.1", served.port)) for _ in range(25)]
    try:
        deadline = time.monotonic() + 10
        while (status := served.get("/healthz")[0]) != 503:
            assert time.monotonic() < deadline
        assert status == 503
    finally:
        for connection in connections:
            connection.close()
    deadline = time.monotonic() + 10
    while served.get("/healthz")[0] != 200:
        assert time.monotonic() < deadline


def test_a_sender_has_its_rate(served: Served) -> None:
    assert served.post(lines(10), token="SLOW_TOKEN")[0] == 202
    status, answer, headers = served.request(
        "POST", "/events", lines(10), {"Authorization": f"Bearer {TOKENS['SLOW_TOKEN']}"}
    )
    assert (status, json.loads(answer)["stored"]) == (429, 0)
    assert int(headers["Retry-After"]) >= 1
    assert served.post(lines(10))[0] == 202, "another sender is not held up"


def test_many_senders_at_once(served: Served) -> None:
    before, answers = served.waiting(), []

    def send() -> None:
        for _ in range(10):
            answers.append(served.post(lines(5)))

    senders = [threading.Thread(target=send) for _ in range(8)]
    for sender in senders:
        sender.start()
    for sender in senders:
        sender.join()
    assert answers == [(202, {"stored": 5})] * 80
    assert served.waiting() == before + 400


def test_metrics(served: Served) -> None:
    served.post(lines(1))
    text = served.get("/metrics")[1].decode()
    assert 'learnrelay_http_events_total{sender="lms"}' in text
    assert 'learnrelay_waiting{destination="main"}' in text
    assert served.get("/readyz")[0] == 200


def test_full_it_puts_off_and_tells_so(tmp_path: Path) -> None:
    served = Served(tmp_path, "limit = 20")
    try:
        assert served.post(lines(20)) == (202, {"stored": 20})
        status, answer = served.post(lines(1))
        assert status == 429 and "delivery.limit" in answer["reason"]
        assert served.get("/readyz")[0] == 503
        assert served.waiting() == 20
    finally:
        served.stop()


@pytest.mark.slow
def test_what_was_answered_outlives_kills(tmp_path: Path) -> None:
    served = Served(tmp_path)
    stored = 0
    for _ in range(4):
        acknowledged = []

        def send(acknowledged: list[int] = acknowledged) -> None:
            try:
                while True:
                    status, answer = served.post(lines(7))
                    acknowledged.append(answer["stored"] if status == 202 else 0)
            except (OSError, http.client.HTTPException):
                return

        senders = [threading.Thread(target=send) for _ in range(4)]
        for sender in senders:
            sender.start()
        time.sleep(0.7)
        served.process.kill()
        served.process.communicate()
        for sender in senders:
            sender.join()
        stored += sum(acknowledged)
        served.start()
    assert stored > 100
    assert stored <= served.waiting() <= stored + 4 * 4 * 7, "what was under way may be stored, and not answered"
    served.stop()


def test_a_file_without_such_an_input(tmp_path: Path) -> None:
    (tmp_path / "relay.toml").write_text("[platform]\n", encoding="utf-8")
    command = [str(Path(sys.executable).parent / "learnrelay"), "serve", "--config", str(tmp_path / "relay.toml")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2 and "[inputs.web.tokens.lms]" in done.stderr


@pytest.mark.parametrize(
    ("given", "mended", "words"),
    [
        ('token = "env:LMS_TOKEN"', 'token = "env:SHORT"', "shorter than 16 characters"),
        ('trust = "client"', 'trust = "me"', "inputs.web.tokens.app.trust: expected one of"),
        ('token = "env:APP_TOKEN"', 'token = "env:LMS_TOKEN"', "two of them have the same token"),
        ("rate = 10", "raet = 10", 'inputs.web.tokens.slow.raet: unknown key'),
        ('listen = "127.0.0.1:', 'listen = "0.0.0.0:', "travel without TLS"),
    ],
)  # fmt: skip
def test_check(given: str, mended: str, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {**TOKENS, "SECRET": "Kd7wq2Lmz9Xv4bTn", "SHORT": "x"}.items():
        monkeypatch.setenv(name, value)
    config = tmp_path / "relay.toml"
    config.write_text(CONFIG.format(port=8080, delivery="").replace(given, mended), encoding="utf-8")
    try:
        problems = "\n".join(assemble(config).config.warnings)
    except ConfigurationError as error:
        problems = str(error)
    assert words in problems


def probe_of(directory: Path, port: int) -> ProbeResult:
    (directory / "relay.toml").write_text(CONFIG.format(port=port, delivery=""), encoding="utf-8")
    assembly = assemble(directory / "relay.toml")
    return assembly.make_input(assembly.config.inputs["web"]).probe()


def test_check_tells_a_free_address_from_ours_and_from_another(
    served: Served, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {**TOKENS, "SECRET": "Kd7wq2Lmz9Xv4bTn"}.items():
        monkeypatch.setenv(name, value)
    with socket.create_server(("127.0.0.1", 0)) as other:
        taken = other.getsockname()[1]
        with monkeypatch.context() as quick:
            quick.setattr("learnrelay_serve.http_input._PROBE_TIMEOUT", 0.3)
            assert probe_of(tmp_path, taken) == ProbeResult(False, f"127.0.0.1:{taken} is taken by another program")
    assert probe_of(tmp_path, taken) == ProbeResult(True, f"127.0.0.1:{taken} is free")
    assert probe_of(tmp_path, served.port) == ProbeResult(True, f"127.0.0.1:{served.port} is served now")
