"""Replay to destinations: each statement arrives, whatever happens meanwhile, and none is stored twice."""

from __future__ import annotations

import os
import random
import signal
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterable
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest

from command_server import run_command
from delivery.consumer import Consumer
from learnrelay import Relay
from learnrelay.config.models import Delivery
from learnrelay.config.secrets import Secret
from learnrelay.delivery import EmbeddedEngine
from learnrelay.outbox import Outbox
from learnrelay.reading.lines import open_log, read_lines
from plain import event, line

from .conftest import SECRET, START, Logs, Replay, ids_in, kill, reaches


def test_two_destinations_get_everything_once(replay: Replay, logs: Logs, consumer: Consumer, tmp_path: Path) -> None:
    other = Consumer()
    replay.configure(main=consumer.url, other=other.url)
    expected = logs("log", 5000)
    (tmp_path / "log").write_bytes((tmp_path / "log").read_bytes() + b"".join(
        line for number, line in enumerate((tmp_path / "log").read_bytes().splitlines(True)) if number % 7 == 0
    ))  # fmt: skip
    run = replay(tmp_path / "log", "--to", "main")
    assert run.code == 0, run.stderr
    assert set(consumer.stored) == set(expected)
    assert not other.stored
    assert all(len(ids) == len(set(ids)) for ids in consumer.requests), "a batch says the same twice"
    assert run.summary["destinations"]["main"]["stored"] >= 5000
    requests = len(consumer.requests)
    assert replay(tmp_path / "log", "--to", "main").summary["this_run"]["lines"] == 0
    assert len(consumer.requests) == requests
    assert replay(tmp_path / "log").code == 0  # another thing to ask: both are sent to
    assert set(other.stored) == set(consumer.stored) == set(expected)
    assert len(consumer.order) == 5000
    other.stop()


def test_live_and_replayed_statements_are_the_same(
    replay: Replay, logs: Logs, consumer: Consumer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(SECRET, "Kd7wq2Lmz9Xv4bTn")
    monkeypatch.syspath_prepend(str(replay.installation.site))
    replay.configure(main=consumer.url)
    expected = logs("log", 300)
    with Relay.from_file(replay.config) as relay, open_log(str(tmp_path / "log")) as log:
        for line in read_lines(log, "log"):
            relay.emit(line.content)
        assert isinstance(relay.engine, EmbeddedEngine)
        assert relay.engine.drained(20.0)
    sys.modules.pop("acme_plain", None)
    live = dict(consumer.stored)
    assert set(live) == set(expected)
    consumer.stored.clear()
    assert replay(tmp_path / "log").code == 0
    assert consumer.stored == live


@pytest.mark.slow
def test_killed_ten_times_nothing_is_lost_and_nothing_stored_twice(
    replay: Replay, logs: Logs, consumer: Consumer, tmp_path: Path
) -> None:
    replay.configure(main=consumer.url)
    expected = logs("a.log", 20_000) + logs("b.log", 5_000)
    rng = random.Random(7)

    def slow(ids: list[str]) -> None:
        threading.Event().wait(0.003)

    consumer.behave = slow

    def requests() -> int:
        return len(consumer.requests)

    arguments = (tmp_path / "a.log", tmp_path / "b.log")
    for number in range(10):
        process = replay.start(*arguments)
        enough = requests() + rng.randint(1, 90)
        reaches(requests, enough)
        if number % 3 == 2:  # first one process alone, as when memory runs out: the others go on
            children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
            os.kill(int(children[-1]), signal.SIGKILL)
            reaches(requests, enough + 90)
        kill(process)
    assert len(consumer.stored) < len(expected)
    run = replay(*arguments)
    assert run.code == 0, run.stderr
    assert set(consumer.stored) == set(expected)
    assert len(consumer.order) == len(expected), "stored twice"
    assert run.summary["read"] == len(expected)
    assert run.summary["destinations"]["main"]["stored"] == len(expected)


def test_a_consumer_that_is_down_is_waited_for(replay: Replay, logs: Logs, consumer: Consumer, tmp_path: Path) -> None:
    replay.configure(main=consumer.url, retry={"backoff": "50ms", "ceiling": "500ms"})
    expected = logs("log", 3000)
    consumer.stop()
    process = replay.start(tmp_path / "log")
    assert process.stderr
    assert any(b"connection refused; waiting for it" in line for line in process.stderr)  # lines of progress aside
    consumer.start()
    reaches(lambda: len(consumer.stored), 1000)
    consumer.stop()
    threading.Event().wait(0.5)  # down again in the middle of it
    consumer.start()
    assert process.wait(120) == 0
    process.stderr.close()
    assert set(consumer.stored) == set(expected)
    assert len(consumer.order) == len(expected)


def test_what_is_refused_becomes_dead_letters_and_the_rest_arrives(
    replay: Replay, logs: Logs, consumer: Consumer, tmp_path: Path
) -> None:
    replay.configure(main=consumer.url, retry={"backoff": "10ms", "ceiling": "20ms", "attempts": 3})
    expected = logs("log", 1000)
    refused, failing = set(expected[10:1000:170]), set(expected[77:1000:300])

    def behave(ids: list[str]) -> tuple[int, dict[str, str], bytes] | None:
        if failing & set(ids):
            return 500, {}, b"stumbled"
        return (400, {}, b"bad verb") if refused & set(ids) else None

    consumer.behave = behave
    run = replay(tmp_path / "log")
    assert run.code == 1
    assert set(consumer.stored) == set(expected) - refused - failing
    assert run.summary["destinations"]["main"] == {
        "stored": 1000 - len(refused) - len(failing),
        "dead letters": len(refused) + len(failing),
    }
    outbox = Outbox.open(Delivery(database=Secret(f"sqlite:///{tmp_path}/outbox.db")))
    letters = outbox.dead_letters.list()
    outbox.close()
    assert {letter.statement_id for letter in letters} == refused | failing
    for letter in letters:
        assert letter.destination == "main"
        assert "HTTP 400" in letter.reason if letter.statement_id in refused else "HTTP 500" in letter.reason


def test_conflicts_are_told_from_dead_letters(replay: Replay, logs: Logs, consumer: Consumer, tmp_path: Path) -> None:
    replay.configure(main=consumer.url)
    expected = logs("log", 200)
    known = set(expected[10:200:50])
    consumer.behave = lambda ids: 409 if known & set(ids) else None
    run = replay(tmp_path / "log")
    assert run.summary["destinations"]["main"] == {"stored": 200 - len(known), "conflicts": len(known)}
    assert run.code == 0, "the consumer has them"


def test_wrong_credentials_end_it_at_once(replay: Replay, logs: Logs, consumer: Consumer, tmp_path: Path) -> None:
    replay.configure(main=consumer.url)
    logs("log", 500)
    consumer.behave = lambda ids: 401
    run = replay(tmp_path / "log")
    assert run.code == 2
    assert "destination main: HTTP 401" in run.stderr
    consumer.behave = lambda ids: None
    assert replay(tmp_path / "log").code == 0
    assert len(consumer.stored) == 500


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.slow
def test_a_consumer_that_asks_for_patience_gets_it(
    replay: Replay, logs: Logs, consumer: Consumer, tmp_path: Path, status: int
) -> None:
    replay.configure(main=consumer.url)
    expected = logs("log", 2000)
    arrivals: list[float] = []
    asked: list[float] = []
    lock = threading.Lock()

    def behave(ids: list[str]) -> tuple[int, dict[str, str], bytes] | None:
        with lock:
            arrivals.append(time.monotonic())
            pausing = len(arrivals) in (1, 40) or (asked and arrivals[-1] - asked[-1] < 0.5)
            if pausing:
                asked.append(arrivals[-1])
            return (status, {"Retry-After": "2"}, b"") if pausing else None

    consumer.behave = behave
    assert replay(tmp_path / "log").code == 0
    assert set(consumer.stored) == set(expected)
    gaps = [after - before for before, after in pairwise(arrivals)]
    assert sum(gap > 1 for gap in gaps) >= 2, "all processes pause together"
    assert len(asked) <= 2 * 8, "of what was under way, each asks once"


@pytest.mark.slow
def test_an_outage_makes_no_dead_letters(replay: Replay, logs: Logs, consumer: Consumer, tmp_path: Path) -> None:
    replay.configure(main=consumer.url, retry={"backoff": "20ms", "ceiling": "100ms", "attempts": 3})
    text = replay.config.read_text(encoding="utf-8")
    replay.config.write_text(text.replace("size = 20", "size = 5"), encoding="utf-8")
    expected = logs("log", 1000)
    begun: list[float] = []

    def behave(ids: list[str]) -> int | None:
        if len(consumer.stored) < 100:
            return None
        begun.append(time.monotonic())
        return 500 if begun[-1] - begun[0] < 3 else None

    consumer.behave = behave
    run = replay(tmp_path / "log")
    assert (run.code, run.summary["destinations"]) == (0, {"main": {"stored": 1000}}), run.stderr
    assert set(consumer.stored) == set(expected)


@pytest.mark.slow
def test_order_is_kept_when_the_consumer_was_away(
    replay: Replay, logs: Logs, consumer: Consumer, tmp_path: Path
) -> None:
    replay.configure(main=consumer.url, retry={"backoff": "20ms", "ceiling": "50ms"})
    expected = logs("log", 300)
    consumer.behave = lambda ids: 503 if len(consumer.requests) in (1, 2, 3, *range(12, 25)) else None
    assert replay(tmp_path / "log", "--ordered").code == 0
    assert consumer.order == expected


@pytest.mark.parametrize(
    ("limit", "reason"),
    [
        (("--rate", "fast"), "expected a number from 0.001, or NAME=number, found 'fast'"),
        (("--rate", "0"), "expected a number from 0.001"),
        (("--rate", "=5"), "expected a number"),
        (("--rate", "mane=5"), 'mane is no destination of this replay; did you mean "main"?'),
        (("--concurrency", "1.5"), "expected a whole number from 1 to 9999"),
        (("--concurrency", "5000000000"), "expected a whole number"),
        (("--concurrency", "main=0"), "expected a whole number"),
    ],
)
@pytest.mark.slow
def test_a_wrong_limit_costs_nothing(
    replay: Replay, logs: Logs, consumer: Consumer, tmp_path: Path, limit: tuple[str, str], reason: str
) -> None:
    replay.configure(main=consumer.url)
    logs("log", 10)
    assert replay(tmp_path / "log").code == 0
    run = replay(tmp_path / "log", "--again", *limit)
    assert run.code == 2
    assert reason in run.stderr
    assert replay(tmp_path / "log").summary["this_run"]["lines"] == 0, "forgotten"


@pytest.mark.slow
def test_a_low_rate_is_a_rate_of_each_second(replay: Replay, logs: Logs, consumer: Consumer, tmp_path: Path) -> None:
    replay.configure(main=consumer.url)
    logs("log", 60)
    arrivals: list[tuple[float, int]] = []

    def behave(ids: list[str]) -> tuple[int, dict[str, str], bytes] | None:
        arrivals.append((time.monotonic(), len(ids)))
        return (429, {"Retry-After": "3"}, b"") if len(arrivals) == 2 else None

    consumer.behave = behave
    assert replay(tmp_path / "log", "--rate", "10").code == 0
    assert len(consumer.stored) == 60
    for begun, _ in arrivals:  # after the 3 seconds, 30 would be due; a busy machine lets some arrive together
        assert sum(number for at, number in arrivals if begun <= at < begun + 0.9) <= 20


@pytest.mark.slow
def test_rate_concurrency_and_order(replay: Replay, logs: Logs, consumer: Consumer, tmp_path: Path) -> None:
    replay.configure(main=consumer.url)
    expected = logs("log", 1500)
    at_once, most = Counter[str](), 0
    lock = threading.Lock()

    def behave(ids: list[str]) -> None:
        nonlocal most
        with lock:
            at_once["now"] += 1
            most = max(most, at_once["now"])
        threading.Event().wait(0.002)
        with lock:
            at_once["now"] -= 1

    consumer.behave = behave
    run = replay(tmp_path / "log", "--rate", "1000", "--concurrency", "main=3")
    assert run.code == 0, run.stderr
    assert run.summary["this_run"]["seconds"] >= 1.4
    assert set(consumer.stored) == set(expected)
    assert most <= 3
    consumer.stored.clear()
    consumer.order.clear()
    assert replay(tmp_path / "log", "--ordered", "--again").code == 0
    assert consumer.order == expected


# --- objections ---------------------------------------------------------------------------------------------


def with_objections(replay: Replay, url: str) -> None:
    """Configures a list of objections, with nobody on it."""
    replay.configure(main=url)
    text = replay.config.read_text(encoding="utf-8").replace("[identity]", '[identity]\nobjections = "objections.txt"')
    replay.config.write_text(text, encoding="utf-8")
    (replay.directory / "objections.txt").touch(0o600)


def add_objection(replay: Replay, user_id: int) -> None:
    arguments = ["object", "--config", str(replay.config), "--user-id", str(user_id)]
    assert run_command(arguments, replay.environment, replay.directory).returncode == 0


def log_of_two(path: Path, events: int) -> None:
    """Writes a log in which the users 7 and 8 take turns; user 8 has the odd seconds."""
    rows = [
        {**event(user_id=7 + number % 2), "timestamp": (START + timedelta(seconds=number)).isoformat()}
        for number in range(events)
    ]
    path.write_bytes(b"".join(map(line, rows)))


def seconds_of(ids: Iterable[str]) -> list[int]:
    return [int((datetime.fromisoformat(text.partition("/")[0]) - START).total_seconds()) for text in ids]


def test_nothing_is_sent_or_written_of_who_objected(replay: Replay, consumer: Consumer, tmp_path: Path) -> None:
    with_objections(replay, consumer.url)
    log_of_two(tmp_path / "log", 400)
    add_objection(replay, 8)
    run = replay(tmp_path / "log")
    assert run.code == 0, run.stderr
    assert sorted(seconds_of(consumer.stored)) == list(range(0, 400, 2))
    assert run.summary["standards"]["plain"]["skipped"] == {"the learner objected": 200}
    assert replay(tmp_path / "log", "--output", tmp_path / "out").code == 0
    assert sorted(seconds_of(ids_in(tmp_path / "out"))) == list(range(0, 400, 2))


@pytest.mark.slow
def test_who_objects_while_a_replay_runs_is_spoken_of_no_more(
    replay: Replay, consumer: Consumer, tmp_path: Path
) -> None:
    with_objections(replay, consumer.url)
    log_of_two(tmp_path / "log", 30_000)

    def slow(ids: list[str]) -> None:
        threading.Event().wait(0.01)

    consumer.behave = slow
    process = replay.start(tmp_path / "log")
    reaches(lambda: len(consumer.stored), 100)
    add_objection(replay, 8)
    assert process.wait(120) == 0
    assert process.stderr
    process.stderr.close()
    seconds = seconds_of(consumer.stored)
    assert {second for second in seconds if second % 2 == 0} == set(range(0, 30_000, 2))
    assert 0 < sum(second % 2 for second in seconds) < 14_000
