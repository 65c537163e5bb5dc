"""``learnrelay tap`` shows what passes running processes, without a value; emit() never waits for it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
from cryptography.fernet import Fernet

from installation import Installation
from learnrelay.taps.tap_folder import TapRequest, TapSocket, connect, read_requests
from plain import event
from relay_files import relay_toml

SECRETS = {"SECRET": "Kd7wq2Lmz9Xv4bTn", "SEAL": Fernet.generate_key().decode()}
HUSH = "hush-video"

PLUGIN = """
from learnrelay import Fields, Skip, hookimpl, optional

class Read(Fields):
    agent = optional("context.agent")
    org = optional("context.org_id")

@hookimpl(reads=Read)
def filter_event(fields):
    return Skip("robots are not reported") if fields.agent == "robot" else None

@hookimpl(reads=Read)
def enrich_statement(fields, standard):
    return None if fields.org is None else {"org": fields.org}
"""

EMIT = """
import json, os, sys, time
from learnrelay import Relay
events = json.loads(os.environ["EVENTS"])
with Relay.from_file(os.environ["LEARNRELAY_CONFIG"]) as relay:
    print("ready", flush=True)
    while os.getppid() == int(os.environ["PARENT"]):
        for event in events:
            relay.emit(event)
        time.sleep(0.02)
"""


@pytest.fixture(scope="module")
def plugins(plain_installation: Installation, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Returns the environment of a process that sees the plugins of these tests."""
    own = Installation(tmp_path_factory.mktemp("tap"))
    points = {f"learnrelay.{group}.v1": {"no-robots": "acme_no_robots"} for group in ("filters", "enrichers")}
    own.install("acme-no-robots", points, PLUGIN)
    return {"PYTHONPATH": os.pathsep.join([str(own.site), str(plain_installation.site)]), "PARENT": str(os.getpid())}


@pytest.fixture
def config(tmp_path: Path) -> Path:
    return write_config(tmp_path)


def write_config(folder: Path, **delivery: object) -> Path:
    text = relay_toml(
        ["plain.watching", "no-robots"],
        {
            "main": {"url": "http://127.0.0.1:9/"},
            "harbour": {"url": "http://127.0.0.1:9/", "match": {"context.org_id": "Harbour"}},
        },
        delivery={"engine": "none", "database": "sqlite:///outbox.db", **delivery},
    )
    path = folder / "relay.toml"
    path.write_text(text, encoding="utf-8")
    return path


def tap_folder_of(config: Path) -> Path:
    return config.parent / "outbox.db.tap"


@contextmanager
def running(arguments: list[str], config: Path, **environment: str) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(
        [sys.executable, *arguments],
        env={**os.environ, **SECRETS, "LEARNRELAY_CONFIG": str(config), **environment},
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509  # a background job of a shell ignores it
    )  # fmt: skip
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


EVENTS = [
    event(data={"video": HUSH, "position": 3}, org_id="Harbour", username="ada_l", session="5e551on"),
    event(data={"video": HUSH}, org_id="Atoll", username="ada_l"),
    event(data={"video": HUSH}, agent="robot", username="ada_l"),
    event("/users/ada_l/profile"),
]


@contextmanager
def emitting(config: Path, plugins: dict[str, str], processes: int = 1) -> Iterator[list[subprocess.Popen[bytes]]]:
    with ExitStack() as stack:
        started = [
            stack.enter_context(running(["-c", EMIT], config, EVENTS=json.dumps(EVENTS), **plugins))
            for _ in range(processes)
        ]
        for process in started:
            assert process.stdout is not None
            assert process.stdout.readline() == b"ready\n"
        yield started


Tap = Callable[..., str]


@pytest.fixture
def tap(plain_installation: Installation, plugins: dict[str, str], config: Path) -> Tap:
    """Returns a function that runs a tap to its end, and returns what it printed."""

    def run(*arguments: str, code: int = 0) -> str:
        command = ["tap", "--config", str(config), "--for", "30s", *arguments]
        done = plain_installation.run(*command, stdin=b"", **SECRETS, **plugins)
        assert done.returncode == code, done.stderr.decode()
        for secret in (HUSH, "ada_l", "4711", "5e551on"):
            assert secret not in (done.stdout + done.stderr).decode()
        assert not (tap_folder_of(config)).exists()
        return (done.stderr if code else done.stdout).decode()

    return run


@pytest.mark.slow
def test_each_stage_of_all_processes_is_seen_and_nothing_of_a_value(
    config: Path, plugins: dict[str, str], tap: Tap
) -> None:
    with emitting(config, plugins, processes=2) as emitters:
        processes: set[int] = set()
        while processes != {process.pid for process in emitters}:  # they notice a tap one after the other
            routes = [json.loads(line) for line in tap("--limit", "12", "--json").splitlines()]
            processes |= {message["process"] for message in routes}
        assert {json.dumps(message["records"]) for message in routes} == {
            json.dumps([{"standard": "plain", "state": "transformed", "to": to, "kept_from": kept_from}])
            for to, kept_from in (
                (["main", "harbour"], {}),
                (["main"], {"harbour": "match: context.org_id has none of the wanted values"}),
            )
        }
        text = tap("--destination", "harbour")
        assert "] watched " in text
        assert "plain: to harbour\n" in text
        assert "plain: not to harbour (match: context.org_id has none of the wanted values)\n" in text

        filtered = tap("--stage", "filter", "--limit", "12")
        assert ": kept\n" in filtered
        assert ": skipped: robots are not reported\n" in filtered
        assert "] … " in filtered, "the name of an event that is a path is a value"
        assert "    data.video: <text>\n" in filtered
        assert "    data.position: <number>\n" in filtered
        assert len({line for line in filtered.splitlines() if "context.user_id: <number " in line}) == 1

        only_harbour = ["--event", "watch*", "--destination", "harbour", "--limit", "1", "--json"]
        (statement,) = json.loads(tap("--stage", "enrich", *only_harbour))["records"][0]["statements"]
        assert statement["did"] == "watch", "the mapping's own words are shown"
        assert (statement["what"], statement["at"], statement["org"]) == ("<text>", "<number>", "<text>")
        assert statement["id"].startswith("<text ")
        assert statement["who"].startswith("<id "), "a pseudonym is an id"

        with TapSocket(tap_folder_of(config), TapRequest("transform", "watched", None, time.time() + 60)) as before:
            (statement,) = json.loads(before.receive(30) or b"")["records"][0]["statements"]
        assert statement.keys() == {"id", "who", "did", "what", "at"}, "without what the enricher adds"


@pytest.mark.slow
def test_a_worker_that_runs_the_pipeline_is_seen(tmp_path: Path, plugins: dict[str, str], tap: Tap) -> None:
    config = write_config(tmp_path, pipeline="worker", key="env:SEAL")
    with (
        emitting(config, plugins) as emitters,
        running(["-m", "learnrelay", "worker"], config, **plugins) as worker,
    ):
        (message,) = map(json.loads, tap("--limit", "1", "--json").splitlines())
        assert message["process"] == worker.pid
        assert emitters


def test_a_tap_that_stalls_holds_up_nobody_and_is_told_what_it_missed(config: Path, plugins: dict[str, str]) -> None:
    folder, until = tap_folder_of(config), time.time() + 60
    with (
        TapSocket(folder, TapRequest("route", "*", None, until)) as stalled,
        TapSocket(folder, TapRequest("filter", "*", None, until)) as other,
        emitting(config, plugins),
    ):
        for _ in range(120):
            assert other.receive(30) is not None, "the events go on"
        messages: list[dict[str, Any]] = []
        while not messages or not messages[-1]["missed"]:
            content = stalled.receive(30)
            assert content is not None
            messages.append(json.loads(content))
        assert messages[-1]["missed"] > 5


def test_a_tap_that_was_killed_is_forgotten(config: Path, plugins: dict[str, str], tap: Tap) -> None:
    folder = tap_folder_of(config)
    with running(["-m", "learnrelay", "tap"], config, **plugins) as killed:
        assert killed.stderr is not None
        assert b"tapping route" in killed.stderr.readline()
        assert folder.stat().st_mode & 0o777 == 0o700
        assert [path.stat().st_mode & 0o777 for path in folder.iterdir()] == [0o600, 0o600]
    assert len(list(folder.iterdir())) == 2
    with emitting(config, plugins):
        assert tap("--limit", "3", "--json").count("\n") == 3


def test_it_ends_by_itself_and_at_a_signal(config: Path, plugins: dict[str, str], tap: Tap) -> None:
    errors = tap("--for", "200ms", code=1)
    assert "nothing passed that this tap can see" in errors
    for number in (signal.SIGINT, signal.SIGTERM):
        with running(["-m", "learnrelay", "tap"], config, **plugins) as process:
            assert process.stderr is not None
            process.stderr.readline()
            process.send_signal(number)
            process.wait(timeout=20)
        assert not (tap_folder_of(config)).exists()


@pytest.mark.parametrize("depth", [0, 200])
def test_a_folder_of_a_long_path(tmp_path: Path, depth: int) -> None:
    folder = tmp_path / ("x" * depth + "y") / "outbox.db.tap"
    folder.parent.mkdir()
    request = TapRequest("filter", "*", None, time.time() + 60)
    with TapSocket(folder, request) as made:
        names, requests = read_requests(folder)
        assert list(requests.values()) == [request]
        sender = connect(folder, *names)
        sender.send(b"{}")
        assert made.receive(10) == b"{}"
        assert read_requests(folder, names) == (names, {})
    with pytest.raises(ConnectionRefusedError):
        sender.send(b"{}")
    sender.close()


def test_a_folder_that_others_may_write_to_is_not_believed(tmp_path: Path) -> None:
    folder = tmp_path / "outbox.db.tap"
    with TapSocket(folder, TapRequest("filter", "*", None, time.time() + 60)):
        folder.chmod(0o770)
        assert read_requests(folder) == (frozenset(), {})
        folder.chmod(0o700)
        assert len(read_requests(folder)[1]) == 1


def test_a_request_that_is_over_or_unreadable_counts_for_nothing(tmp_path: Path) -> None:
    folder = tmp_path / "outbox.db.tap"
    with TapSocket(folder, TapRequest("filter", "*", None, time.time() - 1)):
        (folder / "other.json").write_text('{"stage": "of another release"}')
        names, requests = read_requests(folder)
        assert (len(names), requests) == (2, {})
        (folder / "other.json").unlink()


WRONG = [
    (["--destination", "harbor"], 'there is no destination harbor; did you mean "harbour"?'),
    (["--destination", "harbour", "--stage", "filter"], "--destination goes without --stage filter"),
    (["--event", "wached"], 'no enabled mapping has the event wached; did you mean "watched"?'),
    (["--for", "2h"], "expected at most 1h"),
    (["--for", "soon"], "expected a time span"),
]


@pytest.mark.parametrize(("arguments", "reason"), WRONG)
def test_what_cannot_be_tapped(
    config: Path, plugins: dict[str, str], plain_installation: Installation, arguments: list[str], reason: str
) -> None:
    done = plain_installation.run("tap", "--config", str(config), *arguments, stdin=b"", **SECRETS, **plugins)
    assert done.returncode == 2
    assert reason in " ".join(done.stderr.decode().split())
