"""``learnrelay follow``, and the inputs of ``learnrelay worker``: what is stored is not read again, whoever dies."""

from __future__ import annotations

import json
import os
import random
import shutil
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from delivery.consumer import Consumer
from replay.conftest import Logs, reaches

from .conftest import Site, kill, stop

MakeConsumer = Callable[[], Consumer]


def test_once_delivers_what_is_there_and_the_next_run_what_is_new(
    site: Site, logs: Logs, consumer: Consumer, tmp_path: Path
) -> None:
    site.configure(main=consumer.url)
    expected = logs("log", 500, b"no event\n", b"\n", b"\x00\xff{\n")
    done = site.run("follow", "--once", "--json", tmp_path / "log")
    assert done.returncode == 1, done.stderr.decode()  # two lines are no events
    summary = json.loads(done.stdout)
    assert (summary["read"], sum(summary["unreadable"].values())) == (503, 2)
    assert summary["destinations"] == {"main": {"stored": 500}}
    assert set(consumer.stored) == set(expected)
    assert max(map(len, consumer.requests)) == 20, "requests are full"
    assert len(consumer.requests) <= 500 / 20 + 2
    requests = len(consumer.requests)
    assert site.run("follow", "--once", tmp_path / "log").returncode == 0
    assert len(consumer.requests) == requests, "nothing is sent again"
    more = logs("more", 3)
    with (tmp_path / "log").open("ab") as log:
        log.write((tmp_path / "more").read_bytes())
    assert site.run("follow", "--once", tmp_path / "log").returncode == 0
    assert set(consumer.stored) == {*expected, *more}
    assert not [number for number in consumer.received.values() if number > 1]
    status = site.status()["main"]
    assert (status["accepted"], status["delivered"], status["waiting"]) == (503, 503, 0)
    assert status["events"]["read"] == 506
    assert status["events"]["skipped"] == {"blank line": 1}


def test_events_that_are_glued_together_have_one_position(
    site: Site, logs: Logs, consumer: Consumer, tmp_path: Path
) -> None:
    site.configure(main=consumer.url)
    expected = logs("made", 50)
    lines = (tmp_path / "made").read_bytes().splitlines()
    (tmp_path / "log").write_bytes(b"".join(lines[:30]) + b"\n" + b'{"cut' + b"\n" + b"".join(lines[30:]))
    done = site.run("follow", "--once", "--json", tmp_path / "log")
    summary = json.loads(done.stdout)
    assert (summary["read"], sum(summary["unreadable"].values())) == (51, 1)
    assert set(consumer.stored) == set(expected), "the last line has no end"
    requests = len(consumer.requests)
    assert site.run("follow", "--once", tmp_path / "log").returncode == 0
    assert len(consumer.requests) == requests, "nothing is sent again"


def test_a_line_is_there_soon(site: Site, logs: Logs, consumer: Consumer, tmp_path: Path) -> None:
    site.configure(main=consumer.url)
    ids = logs("made", 30)
    lines = (tmp_path / "made").read_bytes().splitlines(keepends=True)
    follow = site.start("follow", tmp_path / "log")
    (tmp_path / "log").write_bytes(lines[0])
    reaches(lambda: len(consumer.stored), 1)
    for number, line in enumerate(lines[1:], 2):
        time.sleep(0.06)
        with (tmp_path / "log").open("ab") as log:
            log.write(line)
        reaches(lambda number=number: len(consumer.stored), number)  # type: ignore[misc]
    assert "following" in stop(follow)
    assert consumer.order == ids


@pytest.mark.slow
def test_killed_it_sends_no_more_again_than_the_request_under_way(
    site: Site, logs: Logs, make_consumer: MakeConsumer, tmp_path: Path
) -> None:
    consumers = [make_consumer(), make_consumer()]
    site.configure(main=consumers[0].url, other=consumers[1].url)
    expected, rng, kills = logs("log", 3000), random.Random(7), 0

    def slow(ids: list[str]) -> None:
        threading.Event().wait(0.004)

    def stored() -> int:
        return min(len(consumer.stored) for consumer in consumers)

    for consumer in consumers:
        consumer.behave = slow
    while stored() < 3000:
        follow = site.start("follow", tmp_path / "log")
        reaches(stored, min(3000, stored() + rng.randint(1, 700)))
        kill(follow)
        kills += 1
    assert kills >= 5
    for consumer in consumers:
        assert set(consumer.stored) == set(expected)
        again = sum(consumer.received.values()) - 3000
        assert again <= kills * 20, f"{again} statements sent again in {kills} kills"
    site.run("follow", "--once", tmp_path / "log")
    assert site.status()["main"]["events"]["read"] == 3000, "counts are exact"


@pytest.mark.slow
def test_rotated_under_load_and_killed(site: Site, logs: Logs, consumer: Consumer, tmp_path: Path) -> None:
    """A writer, logrotate by both methods, and kills: everything arrives, and little of it twice."""
    site.configure(main=consumer.url)
    expected = logs("made", 6000)
    lines = (tmp_path / "made").read_bytes().splitlines(keepends=True)
    log, kills = tmp_path / "tracking.log", 0

    def start() -> Any:
        follow = site.start("follow", log)
        reaches(lambda: len(consumer.stored), len(consumer.stored) + 1)
        return follow

    log.write_bytes(lines[0])
    follow = start()
    for number, line in enumerate(lines[1:], 2):
        with log.open("ab") as file:
            file.write(line)
        if number % 20 == 0:
            time.sleep(0.01)
        if number % 1100 == 0:
            kill(follow)
            kills += 1
        if number % 1000 == 500:
            shutil.copyfile(log, log.with_name(f"tracking.log.{number}"))
            os.truncate(log, 0)
        elif number % 1000 == 0:
            log.rename(log.with_name(f"tracking.log.{number}"))
        if number % 1100 == 650 and follow.returncode is not None:
            follow = start()
    if follow.returncode is not None:
        follow = site.start("follow", log)
    reaches(lambda: len(consumer.stored), len(expected))
    stop(follow)
    assert kills == 5
    assert set(consumer.stored) == set(expected)
    assert sum(consumer.received.values()) - len(expected) <= kills * 20


def test_a_destination_that_is_down_does_not_hold_up_the_others(
    site: Site, logs: Logs, make_consumer: MakeConsumer, tmp_path: Path
) -> None:
    main, other = make_consumer(), make_consumer()
    site.configure(main=main.url, other=other.url)
    expected = logs("log", 600)
    other.stop()
    follow = site.start("follow", tmp_path / "log")
    reaches(lambda: len(main.stored), 600)
    other.start()
    reaches(lambda: len(other.stored), 600)
    more = logs("more", 40)
    with (tmp_path / "log").open("ab") as log:
        log.write((tmp_path / "more").read_bytes())
    reaches(lambda: len(other.stored), 640)
    stop(follow)
    assert set(main.stored) == set(other.stored) == {*expected, *more}
    assert not [number for number in main.received.values() if number > 1]
    status = site.status()
    for name in ("main", "other"):
        assert (status[name]["accepted"], status[name]["delivered"], status[name]["waiting"]) == (640, 640, 0)


def test_what_a_destination_refuses_becomes_dead_letters(
    site: Site, logs: Logs, consumer: Consumer, tmp_path: Path
) -> None:
    site.configure(main=consumer.url)
    expected = logs("log", 200)
    refused = set(expected[::50])
    consumer.behave = lambda ids: (400, {}, b"bad verb") if refused & set(ids) else None
    done = site.run("follow", "--once", "--json", tmp_path / "log")
    assert done.returncode == 1
    assert json.loads(done.stdout)["destinations"]["main"] == {"stored": 196, "dead letters": 4}
    assert b"4 statement(s) given up" not in done.stderr  # in several requests
    assert set(consumer.stored) == set(expected) - refused
    outbox = site.outbox()
    assert {letter.statement_id for letter in outbox.dead_letters.list()} == refused
    outbox.close()


def test_a_second_follower_is_refused(site: Site, logs: Logs, consumer: Consumer, tmp_path: Path) -> None:
    site.configure(main=consumer.url)
    logs("log", 1)
    follow = site.start("follow", tmp_path / "log")
    reaches(lambda: len(consumer.stored), 1)
    second = site.run("follow", tmp_path / "log")
    assert second.returncode == 1
    assert f"follow {tmp_path}/log: process {follow.pid} of".encode() in second.stderr
    stop(follow)


def test_a_worker_reads_its_inputs_and_another_takes_over(
    site: Site, logs: Logs, consumer: Consumer, tmp_path: Path
) -> None:
    site.configure({"lms": {"input": "files", "paths": ["logs/*.log"]}}, main=consumer.url)
    expected = logs("made", 300)
    (tmp_path / "logs").mkdir()
    lines = (tmp_path / "made").read_bytes().splitlines(keepends=True)
    (tmp_path / "logs" / "a.log").write_bytes(b"".join(lines[:100]))
    workers = [site.start("worker"), site.start("worker")]
    reaches(lambda: len(consumer.stored), 100)
    (tmp_path / "logs" / "b.log").write_bytes(b"".join(lines[100:200]))
    reaches(lambda: len(consumer.stored), 200)
    outbox = site.outbox()
    with outbox.database.transaction(write=False) as transaction:
        ((holder,),) = transaction.execute("SELECT holder FROM learnrelay_input WHERE input = 'lms'")
    outbox.close()
    reader = next(worker for worker in workers if f"/{worker.pid}/" in holder)
    kill(reader)
    with (tmp_path / "logs" / "a.log").open("ab") as log:
        log.write(b"".join(lines[200:]))
    reaches(lambda: len(consumer.stored), 300)
    workers.remove(reader)
    stop(workers[0])
    assert set(consumer.stored) == set(expected)
    assert sum(consumer.received.values()) - 300 <= 20, "no more than the request that was under way"


def test_standard_input_is_an_input(site: Site, logs: Logs, consumer: Consumer, tmp_path: Path) -> None:
    site.configure({"pipe": {"input": "stdin"}}, main=consumer.url)
    expected = logs("log", 250)
    done = site.run("worker", "--until-empty", stdin=(tmp_path / "log").read_bytes())
    assert done.returncode == 0, done.stderr.decode()
    assert set(consumer.stored) == set(expected)


def test_a_full_outbox_is_waited_for(site: Site, logs: Logs, consumer: Consumer, tmp_path: Path) -> None:
    site.configure(main=consumer.url, delivery={"limit": 30})
    expected = logs("log", 200)
    consumer.stop()
    follow = site.start("follow", tmp_path / "log")
    reaches(lambda: site.status().get("main", {}).get("waiting", 0), 1)
    assert site.status()["main"]["waiting"] <= 30
    consumer.start()
    reaches(lambda: len(consumer.stored), 200)
    stop(follow)
    assert set(consumer.stored) == set(expected)


@pytest.mark.parametrize(
    ("section", "key", "words"),
    [
        ({"input": "file", "paths": ["x"]}, "inputs.lms.input", "no such input is installed; known: files, stdin; did"),
        ({"input": "files", "path": ["x"]}, "inputs.lms.path", 'unknown key; did you mean "paths"?'),
        ({"input": "files", "path": ["x"]}, "inputs.lms.paths", "is missing"),
        ({"paths": ["x"]}, "inputs.lms.input", "is missing"),
        ({"input": "files", "paths": ["x"], "trust": "me"}, "inputs.lms.trust", "expected one of"),
    ],
)  # fmt: skip
def test_mistakes_in_the_file(section: dict[str, object], key: str, words: str, site: Site) -> None:
    site.configure({"lms": section}, main="http://127.0.0.1:1/")
    done = site.run("check")
    assert done.returncode == 2
    assert f"{key}: {words}" in done.stderr.decode()
