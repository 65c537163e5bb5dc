"""Endpoints that stop, start again and misbehave on request; and the endpoint that runs as a program."""

import json
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import requests

from learnrelay_contract_tests.endpoints import CaliperEndpoint, Misbehaviour, ReferenceLrs

HEADERS = {"X-Experience-API-Version": "1.0.3"}
TIMEOUT = 60


def statement(course: str = "1") -> dict[str, Any]:
    return {
        "id": str(uuid4()),
        "timestamp": "2026-11-22T10:15:30Z",
        "actor": {"account": {"homePage": "https://lms.example.org", "name": "k7f3"}},
        "verb": {"id": "http://adlnet.gov/expapi/verbs/completed"},
        "object": {"id": f"https://lms.example.org/course/{course}"},
    }


@pytest.fixture
def lrs() -> Iterator[ReferenceLrs]:
    with ReferenceLrs() as endpoint:
        yield endpoint


@pytest.fixture
def sender() -> Iterator[requests.Session]:
    with requests.Session() as session:
        session.headers.update(HEADERS)
        yield session


def send(sender: requests.Session, lrs: ReferenceLrs, *batch: dict[str, Any]) -> requests.Response:
    return sender.post(lrs.url, json=list(batch or [statement()]), timeout=TIMEOUT, allow_redirects=False)


# --- down and up ------------------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["stop", "kill"])
def test_a_consumer_that_goes_down_and_comes_back(lrs: ReferenceLrs, sender: requests.Session, how: str) -> None:
    url = lrs.url
    first = statement()
    send(sender, lrs, first)  # leaves a connection open, which must not outlive the endpoint
    for _ in range(3):
        getattr(lrs, how)()
        for client in (sender, requests):
            with pytest.raises(requests.ConnectionError):
                client.post(url, json=[statement()], headers=HEADERS, timeout=TIMEOUT)
        lrs.start()
        assert lrs.url == url
        assert send(sender, lrs, first).status_code == 200
    assert list(lrs.statements) == [first["id"]]
    assert lrs.duplicates == 3


def start_sending(sender: requests.Session, lrs: ReferenceLrs, outcome: list[Any]) -> threading.Thread:
    def run() -> None:
        try:
            outcome.append(send(sender, lrs).status_code)
        except requests.RequestException as error:
            outcome.append(type(error))

    thread = threading.Thread(target=run)
    thread.start()
    return thread


def test_stop_finishes_the_request_in_progress_and_kill_does_not(sender: requests.Session) -> None:
    for how, outcome_of_it, stored in (("stop", 200, 1), ("kill", requests.ConnectionError, 0)):
        deciding, may_go_on = threading.Event(), threading.Event()

        class Slow(ReferenceLrs):
            def _decide_request(self, request: Any) -> Any:
                deciding.set()  # noqa: B023 - used within the turn of the loop
                may_go_on.wait(TIMEOUT)  # noqa: B023
                return super()._decide_request(request)

        with Slow() as lrs:
            outcome: list[Any] = []
            sending = start_sending(sender, lrs, outcome)
            assert deciding.wait(TIMEOUT)
            ending = threading.Thread(target=getattr(lrs, how))
            ending.start()
            with pytest.raises(requests.ConnectionError):
                while True:  # until the port is closed
                    requests.get(lrs.url, timeout=TIMEOUT, headers={"Connection": "close"})
            may_go_on.set()
            ending.join()
            sending.join()
            assert (outcome, len(lrs.statements)) == ([outcome_of_it], stored)


def test_start_and_stop_may_be_repeated_and_a_taken_port_is_an_error(lrs: ReferenceLrs) -> None:
    assert lrs.start() is lrs
    with pytest.raises(OSError, match="in use"):
        ReferenceLrs(port=lrs.port).start()
    lrs.stop()
    lrs.stop()
    lrs.kill()
    with pytest.raises(RuntimeError, match="no port"):
        _ = ReferenceLrs().url


def test_waiting_ends_when_enough_is_stored_or_time_is_up(lrs: ReferenceLrs, sender: requests.Session) -> None:
    assert not lrs.wait_for(1, timeout=0.01)
    sending = start_sending(sender, lrs, [])
    assert lrs.wait_for(1, TIMEOUT)
    assert lrs.requests[-1].stored == 1
    sending.join()
    assert lrs.wait_until(lambda: len(lrs.requests) == 1, TIMEOUT)


# --- misbehaviour -----------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [400, 403, 409, 413, 429, 500, 502, 503, 504, 599])
def test_refusing_stores_nothing_and_ends_after_so_many_times(
    lrs: ReferenceLrs, sender: requests.Session, status: int
) -> None:
    lrs.misbehave(Misbehaviour(status=status, body="go away", headers={"X-Mood": "bad"}), times=2)
    batch = statement()
    for _ in range(2):
        answer = send(sender, lrs, batch)
        assert (answer.status_code, answer.text, answer.headers["X-Mood"]) == (status, "go away", "bad")
    assert lrs.statements == {}
    assert send(sender, lrs, batch).status_code == 200
    assert [record.status for record in lrs.requests] == [status, status, 200]
    assert lrs.rejected == 0


def test_retry_after_in_seconds_and_as_a_date(lrs: ReferenceLrs, sender: requests.Session) -> None:
    later = datetime(2026, 11, 22, 10, 30, tzinfo=UTC)
    lrs.misbehave(Misbehaviour(status=429, retry_after=7), times=1)
    lrs.misbehave(Misbehaviour(status=503, retry_after=later), times=1)
    assert send(sender, lrs).headers["Retry-After"] == "7"
    date = send(sender, lrs).headers["Retry-After"]
    assert date == "Sun, 22 Nov 2026 10:30:00 GMT"
    assert parsedate_to_datetime(date) == later


def test_orders_are_taken_in_turn_and_can_be_taken_back(lrs: ReferenceLrs, sender: requests.Session) -> None:
    lrs.misbehave(Misbehaviour(status=500), times=2)
    lrs.misbehave(Misbehaviour(status=503), times=1)
    lrs.misbehave(Misbehaviour(status=502))
    assert [send(sender, lrs).status_code for _ in range(6)] == [500, 500, 503, 502, 502, 502]
    lrs.behave()
    assert send(sender, lrs).status_code == 200


@pytest.mark.parametrize("status", [400, 500])
def test_a_marked_statement_condemns_each_batch_that_holds_it(
    lrs: ReferenceLrs, sender: requests.Session, status: int
) -> None:
    poison = statement("poison")
    lrs.misbehave(Misbehaviour(status=status), matching=lambda item: item["object"]["id"].endswith("poison"))
    lrs.misbehave(Misbehaviour(status=503), times=1)  # strikes the first batch that the other spares
    assert send(sender, lrs, statement(), poison).status_code == status
    assert send(sender, lrs, statement()).status_code == 503
    assert send(sender, lrs, poison).status_code == status
    assert send(sender, lrs, statement(), statement()).status_code == 200
    assert poison["id"] not in lrs.statements


def test_a_connection_dropped_before_or_after_storing(lrs: ReferenceLrs, sender: requests.Session) -> None:
    for when, stored in (("before", 0), ("after", 1)):
        lrs.misbehave(Misbehaviour(drop=when), times=1)  # type: ignore[arg-type]
        batch = statement()
        with pytest.raises(requests.ConnectionError):
            send(sender, lrs, batch)
        assert len(lrs.statements) == stored
        assert lrs.requests[-1].status is None
    assert send(sender, lrs, batch).status_code == 200
    assert lrs.duplicates == 1


def test_an_answer_cut_short(lrs: ReferenceLrs, sender: requests.Session) -> None:
    lrs.misbehave(Misbehaviour(truncate=True), times=1)
    with pytest.raises((requests.ConnectionError, requests.exceptions.ChunkedEncodingError)):
        send(sender, lrs)
    assert len(lrs.statements) == 1


def test_an_answer_of_huge_size(lrs: ReferenceLrs, sender: requests.Session) -> None:
    lrs.misbehave(Misbehaviour(pad=50_000_000), times=1)
    batch = statement()
    answer = sender.post(lrs.url, json=[batch], timeout=TIMEOUT, stream=True)
    assert answer.headers["Content-Length"] == "50000000"
    assert answer.raw.read(1000).startswith(json.dumps([batch["id"]]).encode())
    answer.close()  # a client may give up in the middle
    assert send(sender, lrs).status_code == 200


def test_an_answer_without_body_misbehaves_too(sender: requests.Session) -> None:
    with ReferenceLrs(duplicate_status=204) as lrs:
        batch = statement()
        send(sender, lrs, batch)
        lrs.misbehave(Misbehaviour(pad=100), times=1)
        assert send(sender, lrs, batch).content == b" " * 100
        lrs.misbehave(Misbehaviour(truncate=True), times=1)
        with pytest.raises((requests.ConnectionError, requests.exceptions.ChunkedEncodingError)):
            send(sender, lrs, batch)


def test_a_redirect_elsewhere(lrs: ReferenceLrs, sender: requests.Session) -> None:
    with CaliperEndpoint() as elsewhere:
        lrs.misbehave(Misbehaviour(redirect=elsewhere.url), times=1)
        lrs.misbehave(Misbehaviour(redirect=elsewhere.url, status=302), times=1)
        for status in (307, 302):
            answer = send(sender, lrs)
            assert (answer.status_code, answer.headers["Location"]) == (status, elsewhere.url)
        assert elsewhere.requests == []


def test_a_delay_comes_before_the_rest_and_ends_with_the_endpoint(lrs: ReferenceLrs, sender: requests.Session) -> None:
    lrs.misbehave(Misbehaviour(delay=0.2, status=503), times=1)
    started = time.monotonic()
    assert send(sender, lrs).status_code == 503
    assert time.monotonic() - started >= 0.2
    lrs.misbehave(Misbehaviour(delay=0.01), times=1)
    assert send(sender, lrs).status_code == 200

    taken = threading.Event()
    lrs.misbehave(Misbehaviour(delay=3600), times=1, matching=lambda _: not taken.set())  # type: ignore[func-returns-value]
    outcome: list[Any] = []
    sending = start_sending(sender, lrs, outcome)
    assert taken.wait(TIMEOUT)
    lrs.stop()
    sending.join(TIMEOUT)
    assert outcome == [requests.ConnectionError]
    assert len(lrs.statements) == 1


@pytest.mark.parametrize(
    "wrong",
    [
        {},
        {"status": 500, "drop": "before"},
        {"drop": "after", "truncate": True},
        {"body": "x"},
        {"retry_after": 3},
    ],
)
def test_an_order_that_makes_no_sense_is_an_error(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"exclude|need a status|at least one of"):
        Misbehaviour(**wrong)


def test_an_order_for_no_request_is_an_error(lrs: ReferenceLrs) -> None:
    with pytest.raises(ValueError, match="at least 1"):
        lrs.misbehave(Misbehaviour(status=500), times=0)


def test_broken_requests_do_not_hurt(lrs: ReferenceLrs, sender: requests.Session) -> None:
    head = b"POST /xAPI/statements HTTP/1.1\r\nHost: x\r\nX-Experience-API-Version: 1.0.3\r\n"
    for raw, status in (
        (head + b"Content-Length: many\r\n\r\n", b"400"),
        (head + b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", b"411"),
        (b"POST /xAPI and more HTTP/1.1\r\n\r\n", b"400"),
        (head + b"Content-Length: 100\r\n\r\n[{", None),
    ):
        with socket.create_connection(("127.0.0.1", lrs.port), timeout=TIMEOUT) as connection:
            connection.sendall(raw)
            connection.shutdown(socket.SHUT_WR)
            answer = b"".join(iter(lambda: connection.recv(4096), b""))
            assert (status in answer[:60]) if status else answer == b""
    assert lrs.requests == []
    assert send(sender, lrs).status_code == 200


# --- as a program -----------------------------------------------------------------------------------


def run(*arguments: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "learnrelay_contract_tests.endpoints", "--port", "0", *arguments]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_program_serves_prints_keeps_and_stops(tmp_path: Path, number: signal.Signals) -> None:
    kept = tmp_path / "kept.jsonl"
    kept.write_text('{"from": "before"}\n')
    with run("--standard", "xapi", "--username", "relay", "--password", "s3cret", "--keep", str(kept)) as program:
        assert program.stdout is not None
        url = program.stdout.readline().removeprefix("listening on ").strip()
        batch = [statement(), statement()]
        for body, auth, status in (
            (batch, ("relay", "s3cret"), 200),
            (batch, ("relay", "s3cret"), 200),
            (batch, ("relay", "guess"), 401),
        ):
            answer = requests.post(url, json=body, headers=HEADERS, auth=auth, timeout=TIMEOUT)
            assert answer.status_code == status
        program.send_signal(number)
        out, err = program.communicate(timeout=TIMEOUT)
        assert (program.returncode, err) == (0, "")
    lines = out.splitlines()
    assert "POST /xAPI/statements 200 items=2 stored=2" in lines[0]
    assert "POST /xAPI/statements 200 items=2 stored=0" in lines[1]
    assert "POST /xAPI/statements 401 items=2 stored=0 credentials are missing or wrong" in lines[2]
    assert lines[3:] == ["stopped: 2 stored, 2 duplicates"]
    assert "s3cret" not in out
    assert [json.loads(line) for line in kept.read_text().splitlines()] == [{"from": "before"}, *batch]


def test_the_program_prints_why_it_cannot_start(tmp_path: Path, lrs: ReferenceLrs) -> None:
    for arguments, reason in (
        (["--standard", "caliper", "--username", "relay"], "username and password"),
        (["--standard", "caliper", "--keep", str(tmp_path / "none" / "file")], "No such file"),
        (["--standard", "caliper", "--port", str(lrs.port)], "in use"),
    ):
        with run(*arguments) as program:
            out, err = program.communicate(timeout=TIMEOUT)
            assert (program.returncode, out) == (2, "")
            assert "cannot start" in err
            assert reason in err
