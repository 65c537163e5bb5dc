"""What an operator reads when something is wrong leads to its cure, and obeys nobody from outside."""

from __future__ import annotations

import json
import logging
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import trustme

from installation import Installation
from learnrelay.cli.output import print_json
from learnrelay.config.delivery_schema import DeliverySection
from learnrelay.config.models import Delivery
from learnrelay.config.secrets import Secret
from learnrelay.core_sinks.http_client import NoAnswerError
from learnrelay.delivery import celery_engine
from learnrelay.errors import OutboxError
from learnrelay.logs import UNPRINTABLE, EscapingFormatter, escape
from learnrelay.outbox import Outbox, OutgoingStatement
from learnrelay.outbox.queue import DeadLettered
from plain import event
from relay_files import relay_toml
from services import amqp_url

from .test_http import post, said, server_side, serving
from .test_inspection import Broker

SECRET = {"SECRET": "Kd7wq2Lmz9Xv4bTn"}


# --- TLS --------------------------------------------------------------------------------------------------


def test_a_fault_of_tls_is_named(tmp_path: Path) -> None:
    ours, other = trustme.CA(), trustme.CA()
    ours.cert_pem.write_to_path(tmp_path / "ca.pem")
    ca_file = str(tmp_path / "ca.pem")
    yesterday = datetime.now(UTC) - timedelta(days=1)
    faults = {
        "its certificate has expired": server_side(ours, not_after=yesterday),
        "signed by an authority that is not known here (ca_file)": server_side(other),
        "its certificate is for another host name": server_side(ours, "lrs.example.org"),
        "does not speak TLS at this address": None,
    }
    for reason, context in faults.items():
        with serving(context) as server, pytest.raises(NoAnswerError) as caught:
            post(server.url.replace("http:", "https:"), verify=ca_file)
        assert reason in caught.value.reason


# --- check --connect --------------------------------------------------------------------------------------


def test_only_what_a_consumer_answers_is_a_yes(plain_installation: Installation, tmp_path: Path) -> None:
    answers: dict[str, tuple[int, bytes, dict[str, str], str]] = {
        "ids": (200, b"[]", {"Content-Type": "application/json"}, "yes"),
        "posts": (405, b"", {}, "yes"),
        "explains": (501, b"<html>no GET</html>", {"Content-Type": "text/html"}, "yes"),
        "login": (200, b"<!doctype html><form>", {}, "NO"),
        "portal": (200, b"Log in", {"Content-Type": "text/html; charset=utf-8"}, "NO"),
        "database": (400, b"Empty query", {}, "NO"),
        "moved": (302, b"", {"Location": "http://127.0.0.1:1/"}, "NO"),
        "strict": (401, b"", {}, "NO"),
    }
    with serving() as server:

        def reply(handler: Any) -> None:
            status, body, headers, _ = answers[handler.path.rpartition("/")[2]]
            said(handler, status, body, **headers)

        server.reply = reply
        config = tmp_path / "relay.toml"
        destinations: dict[str, dict[str, object]] = {name: {"url": f"{server.url}/{name}"} for name in answers}
        destinations["ids"]["match"] = {"context.org_id": ["Harbour", "Lagoon"]}
        config.write_text(
            relay_toml(destinations=destinations, delivery={"database": f"sqlite:///{tmp_path}/outbox.db"})
        )
        done = plain_installation.run("check", "--connect", "--config", config, **SECRET)
    printed = done.stdout.decode()
    for name, (*_, sound) in answers.items():
        assert re.search(rf"^{name} +{sound}", printed, flags=re.MULTILINE), printed
    assert "a page for people" in printed and "HTTP 400: something answers" in printed
    assert "(scope: all, match: context.org_id = Harbour or Lagoon)" in printed
    assert done.returncode == 1


# --- database and broker ----------------------------------------------------------------------------------


@pytest.mark.parametrize("url", ["postgres://u:p@db/x", "postgresql://u:p@db/x", "postgresql+psycopg://u:p@db/x"])
def test_every_form_of_a_postgresql_url_is_taken(url: str) -> None:
    delivery = DeliverySection().load({"database": url})
    assert delivery.database.reveal() == "postgresql+psycopg://u:p@db/x"


@pytest.mark.parametrize("kind", ["mysql", "mariadb"])
@pytest.mark.parametrize("driver", ["", "+pymysql"])
def test_every_form_of_a_mysql_url_is_taken(kind: str, driver: str) -> None:
    delivery = DeliverySection().load({"database": f"{kind}{driver}://u:p@db/x?ssl_ca=mysql://"})
    assert delivery.database.reveal() == "mysql+pymysql://u:p@db/x?ssl_ca=mysql://"


@pytest.mark.parametrize("database_url", ["postgres"], indirect=True)
def test_a_connection_that_was_cut_is_no_shutdown(open_outbox: Callable[..., Outbox]) -> None:
    outbox, other = open_outbox(wait=0.0), open_outbox()
    with (
        pytest.raises(OutboxError, match=r"the server ended the connection \(57P01\)"),
        outbox.database.transaction(write=False) as transaction,
    ):
        ((process,),) = transaction.execute("SELECT pg_backend_pid()")
        with other.database.transaction() as cutting:
            cutting.execute("SELECT pg_terminate_backend(:process)", process=process)
        for _ in range(100):
            transaction.execute("SELECT pg_sleep(0.05)")


def reason_of_the_broker(url: str) -> str:
    app = celery_engine.make_app(Delivery("celery", broker=Secret(url)))
    with pytest.raises(Exception) as caught, app.connection_for_write() as connection:  # kombu's
        connection.ensure_connection(max_retries=1, timeout=10.0)
    return celery_engine.describe_broker_error(caught.value)


def test_a_wrong_password_of_redis_is_called_that(tmp_path: Path) -> None:
    broker = Broker(tmp_path)
    try:
        assert "refuses the user name or the password" in reason_of_the_broker(broker.url.replace("br0ker", "wrong"))
        assert "not reached" in reason_of_the_broker("redis://127.0.0.1:1/0")
        number = reason_of_the_broker(broker.url.rpartition("/")[0] + "/99")
        assert "has no database of the number at the end of the address" in number
    finally:
        broker.process.kill()
        broker.process.wait()


def test_a_wrong_password_of_rabbitmq_is_called_that() -> None:
    assert "refuses the user name or the password" in reason_of_the_broker(amqp_url().replace(":guest@", ":wrong@"))


@pytest.mark.slow
def test_a_broker_that_accepts_and_is_silent_is_called_that() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        reason = reason_of_the_broker(f"amqp://guest:guest@127.0.0.1:{listener.getsockname()[1]}//")
    assert reason == "does not answer in time (OperationalError)"


# --- workers ----------------------------------------------------------------------------------------------


def test_celery_with_the_file_of_another_engine_names_the_key(plain_installation: Installation, tmp_path: Path) -> None:
    config = tmp_path / "relay.toml"
    destinations = {"main": {"url": "http://127.0.0.1:1/"}}
    config.write_text(relay_toml(destinations=destinations, delivery={"database": f"sqlite:///{tmp_path}/outbox.db"}))
    done = subprocess.run(
        [sys.executable, "-m", "celery", "-A", "learnrelay.celery", "worker"],
        env={**os.environ, **SECRET, "PYTHONPATH": str(plain_installation.site), "LEARNRELAY_CONFIG": str(config)},
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    assert 'delivery.engine: is "embedded": a Celery worker needs engine = "celery"' in done.stderr
    assert "Traceback" not in done.stderr


def test_the_lines_of_a_worker_have_a_time(
    plain_installation: Installation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = tmp_path / "relay.toml"
    destinations = {"main": {"url": "http://127.0.0.1:1/", "batch": {"interval": "10ms"}}}
    database = f"sqlite:///{tmp_path}/outbox.db"
    config.write_text(relay_toml(destinations=destinations, delivery={"database": database}))
    outbox = Outbox.open(Delivery(database=Secret(database)))
    outbox.put([OutgoingStatement("plain", "s1", "watched", b'{"id":"s1"}', ("main",))])
    outbox.close()
    monkeypatch.setenv("PYTHONPATH", str(plain_installation.site))
    monkeypatch.setenv("SECRET", SECRET["SECRET"])
    command = [Path(sys.executable).parent / "learnrelay", "worker", "--config", config]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as worker:
        assert worker.stderr is not None
        line = next(line for line in worker.stderr if "unavailable" in line)
        worker.send_signal(signal.SIGTERM)
    assert re.match(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} WARNING learnrelay\.delivery: ", line)


# --- dead letters -----------------------------------------------------------------------------------------


def test_dead_letters_are_grouped_and_their_ids_can_be_typed(plain_installation: Installation, tmp_path: Path) -> None:
    config = tmp_path / "relay.toml"
    database = f"sqlite:///{tmp_path}/outbox.db"
    config.write_text(
        relay_toml(destinations={"main": {"url": "http://127.0.0.1:1/"}}, delivery={"database": database})
    )
    outbox = Outbox.open(Delivery(database=Secret(database)))
    ids = [f"81e5de09-d6c0-5{number:03x}-8000-000000000000" for number in range(20)]
    names = ["edx.problem.hint.demandhint_displayed", "showanswer"]
    outbox.put(
        [
            OutgoingStatement("plain", i, names[n % 5 == 0], b'{"id":"%s"}' % i.encode(), ("main",))
            for n, i in enumerate(ids)
        ]
    )
    queue = outbox.queue("main")
    claim = queue.claim(20)
    queue.settle(
        claim,
        [
            DeadLettered(row, "HTTP 409: other content", conflict=True)
            if number < 3
            else DeadLettered(row, f"HTTP 400: statement {number} {'has a verb that nobody knows ' * 5}\x1b[2J")
            for number, row in enumerate(claim.rows)
        ],
    )
    outbox.close()

    def failed(*words: str) -> subprocess.CompletedProcess[bytes]:
        return plain_installation.run("failed", *words, "--config", config, **SECRET)

    printed = failed("list").stdout.decode()
    assert "main: 17 dead letters, HTTP 400, since" in printed and "main: 3 conflicts, HTTP 409, since" in printed
    assert "edx.problem.hint.demandhint_displayed (3), showanswer (1)" not in printed
    assert "edx.problem.hint.demandhint_displayed (14), showanswer (3)" in " ".join(printed.split())
    assert max(map(len, printed.splitlines())) <= 80
    assert "\x1b" not in printed
    assert all(f"statement {number} has a verb" in printed for number in (3, 4, 5)), "the words of three are shown"
    assert "statement 6 " not in printed and "... and 14 other texts" in printed
    nothing = failed("list", "--event", "shwanswer")
    assert (nothing.stdout, nothing.stderr) == (b"", b"nothing of this selection is kept\n")
    shown = re.findall(r"81e5\S*", printed)
    assert len(shown) == 3 + 5 and "and 12 more" in printed
    assert len(re.findall(r"81e5\S*", failed("list", "--ids").stdout.decode())) == 20
    assert json.loads(failed("show", shown[-1]).stdout)["id"].startswith(shown[-1])
    assert b"is the beginning of several ids" in failed("show", "81e5").stderr
    assert failed("retry", "--id", shown[0]).stdout == b"1 put back\n"
    assert len(json.loads(failed("list", "--json").stdout)) == 19


# --- words from outside -----------------------------------------------------------------------------------

HOSTILE = "x\x1b[2J\nERROR forged\x9b1m\u202e"


def test_nothing_from_outside_reaches_a_terminal_or_a_log(
    plain_installation: Installation, capsys: pytest.CaptureFixture[str]
) -> None:
    for json_too in ((), ("--json",)):
        done = plain_installation.run("explain", *json_too, stdin=json.dumps(event(HOSTILE)).encode())
        printed = done.stdout.decode()
        assert "ERROR forged" in printed
        assert not re.search("[\x1b\x9b\u202e]", printed) and "\nERROR" not in printed
    record = logging.LogRecord("learnrelay", logging.ERROR, "", 1, "named %s", (HOSTILE,), None)
    assert EscapingFormatter("%(message)s").format(record) == f"named {escape(HOSTILE)}"
    assert escape(HOSTILE) == r"x\x1b[2J\x0aERROR forged\x9b1m\u202e"


@pytest.mark.parametrize(
    "arguments",
    [("transform", "--standard", "plain", "no" + HOSTILE.replace("\n", "")), (HOSTILE,), ("failed", "show", HOSTILE),
     ("check", "--config", f"no{HOSTILE}.toml"), ("check", "--config", "hostile.toml"), ("explain", "no\udcff\x9b1m"),
     ("resume", "x\u061c\U000e0041\u200b", "--config", "hostile.toml")],
)  # fmt: skip
def test_no_error_of_a_command_has_what_a_terminal_obeys(
    plain_installation: Installation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...]
) -> None:
    """Names of files, destinations and keys are words from outside too, also half characters of other encodings."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "hostile.toml").write_text(f"[{json.dumps(HOSTILE)}]\n{json.dumps(HOSTILE)} = 1\n")
    done = plain_installation.run(*arguments)
    printed = (done.stdout + done.stderr).decode()
    assert done.returncode == 2
    assert not UNPRINTABLE.search(printed.replace("\n", "")) and "Traceback" not in printed


def test_json_has_escapes_for_what_a_terminal_obeys(capsys: pytest.CaptureFixture[str]) -> None:
    value = {"name": HOSTILE + "\x7f\u061c\U000e0041 é", "file": "a\udcff", "events": [1, "x"]}
    print_json(value)
    printed = capsys.readouterr().out
    assert json.loads(printed) == value
    assert not UNPRINTABLE.search(printed.replace("\n", ""))


def test_a_requested_path_as_the_name_of_an_event_is_a_value(plain_installation: Installation) -> None:
    raw = json.dumps(event("/u/mira.k")).encode()
    assert b"mira.k" not in plain_installation.run("explain", stdin=raw).stdout
    assert b"/u/mira.k" in plain_installation.run("explain", "--show-values", stdin=raw).stdout


def test_a_line_that_fails_is_printed_once_with_its_standards() -> None:
    from learnrelay.cli.output import describe_failures

    records = [
        {"file": "log", "line": 3, "standard": "caliper", "reason": "data.id: is missing"},
        {"file": "log", "line": 3, "standard": "xapi", "reason": "data.id: is missing"},
        {"file": "log", "line": 4, "standard": "caliper", "reason": "a"},
        {"file": "log", "line": 4, "standard": "xapi", "reason": "b"},
        {"file": "log", "line": 5, "standard": "", "reason": "no JSON"},
    ]
    assert list(describe_failures(records)) == [
        "log:3: caliper, xapi: data.id: is missing",
        "log:4: caliper: a; xapi: b",
        "log:5: no JSON",
    ]
