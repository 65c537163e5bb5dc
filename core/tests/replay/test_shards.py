"""A replay in shards: started by hand, and by real Celery workers on real brokers, all of which may be killed."""

from __future__ import annotations

import gzip
import json
import os
import secrets
import signal
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import zstandard
from celery import Celery
from kombu.connection import Connection
from rich.console import Console

from delivery.consumer import Consumer
from learnrelay.assembly.assemble import assemble
from learnrelay.replay import ReplayError, ReplaySpec, Shard, celery_shards, find_logs
from learnrelay.replay.celery_shards import QUEUE, TASK, CeleryReplay, make_shard_app
from learnrelay.replay.log_files import describe_log
from learnrelay.replay.progress import ProgressDisplay
from learnrelay.replay.stored import StoredReplay
from services import ON_RABBITMQ, amqp_url, redis_url

from .conftest import SECRET, Logs, Replay, ids_in, kill, reaches


@pytest.fixture(params=["redis", pytest.param("rabbitmq", marks=ON_RABBITMQ)])
def broker(request: pytest.FixtureRequest, replay: Replay) -> str:
    """Its URL; empty to begin with."""
    url = redis_url() if request.param == "redis" else amqp_url()
    with Connection(url) as connection, connection.channel() as channel:  # type: ignore[no-untyped-call]
        if url.startswith("redis"):
            channel.client.flushdb()
        else:
            channel.queue_declare(QUEUE, durable=True, auto_delete=False)
            channel.queue_purge(QUEUE)
    return url


def set_broker(replay: Replay, url: str) -> None:
    text = replay.config.read_text(encoding="utf-8")
    replay.config.write_text(text.replace("[delivery]\n", f'[delivery]\nbroker = "{url}"\n'), encoding="utf-8")


def messages(url: str) -> list[dict[str, Any]]:
    """Takes all messages out of the broker and returns their bodies and headers."""
    taken = []
    with Connection(url) as connection:  # type: ignore[no-untyped-call]
        queue = connection.SimpleQueue(QUEUE)
        while True:
            try:
                message = queue.get(block=False)
            except queue.Empty:
                return taken
            message.ack()
            taken.append({"body": message.payload, "headers": message.headers})


@contextmanager
def machine(replay: Replay, processes: int = 2, log: Path | None = None, **environment: str) -> Iterator[Any]:
    """Runs a Celery worker."""
    celery = str(Path(sys.executable).with_name("celery"))
    with (log or Path(os.devnull)).open("ab") as output:
        process = subprocess.Popen(
            [celery, "-A", "learnrelay.replay.celery_app", "worker",
             "-c", str(processes), "-n", f"{secrets.token_hex(4)}@%h"],
            env={**replay.environment, "LEARNRELAY_CONFIG": str(replay.config), **environment}, start_new_session=True,
            cwd=replay.directory, stdout=output, stderr=output,
        )  # fmt: skip
    try:
        yield process
    finally:
        if process.poll() is None:
            kill(process)


def is_in_log(log: Path, text: str) -> int:
    return log.exists() and text in log.read_text(encoding="utf-8")


# --- the division -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("count", [1, 2, 7, 8])
def test_each_chunk_belongs_to_one_shard_and_all_get_as_many(logs: Logs, tmp_path: Path, count: int) -> None:
    logs("log", 10)
    log_file = describe_log(str(tmp_path / "log"), "key")
    owners = [
        [number for number in range(1, count + 1) if Shard(number, count).takes(log_file, chunk)]
        for chunk in range(840)
    ]
    assert all(len(numbers) == 1 for numbers in owners)
    assert Counter(numbers[0] for numbers in owners) == dict.fromkeys(range(1, count + 1), 840 // count)


def test_logs_of_one_chunk_are_spread(logs: Logs, tmp_path: Path) -> None:
    for number in range(200):
        logs(f"log-{number}", 1)
    log_files = find_logs([str(tmp_path / "log-*")], print, "key")
    per_shard = [sum(Shard(number, 4).takes(log_file, 0) for log_file in log_files) for number in range(1, 5)]
    assert sum(per_shard) == 200
    assert min(per_shard) > 25


def test_a_chunk_keeps_its_shard_when_the_log_grows_is_renamed_and_packed(logs: Logs, tmp_path: Path) -> None:
    path = tmp_path / "tracking.log"
    logs("tracking.log", 2)  # shorter than what a log is known by
    first_line = describe_log(str(path), "key").first_line
    logs("more", 1000)
    path.write_bytes(path.read_bytes() + (tmp_path / "more").read_bytes())
    assert describe_log(str(path), "key").first_line == first_line
    (tmp_path / "tracking.log-1.gz").write_bytes(gzip.compress(path.read_bytes()))
    assert describe_log(str(tmp_path / "tracking.log-1.gz"), "key").first_line == first_line
    assert describe_log(str(tmp_path / "more"), "key").first_line != first_line


@pytest.mark.parametrize("text", ["", "2", "0/8", "9/8", "2/0", "-1/8", "2/8/1", "a/b", "2/10000", "1.5/8"])
def test_a_shard_that_is_none(replay: Replay, tmp_path: Path, text: str) -> None:
    with pytest.raises(ValueError, match="expected NUMBER/COUNT such as 2/8"):
        Shard.parse(text)
    if text == "9/8":
        (tmp_path / "log").touch()
        run = replay(tmp_path / "log", "--output", tmp_path / "out", "--shard", text)
        assert run.code == 2
        assert "expected NUMBER/COUNT such as 2/8, numbers from 1 to COUNT, found '9/8'" in run.stderr


# --- started by hand ----------------------------------------------------------------------------------------


@pytest.mark.slow
def test_shards_in_any_order_give_the_whole_once(replay: Replay, logs: Logs, tmp_path: Path) -> None:
    bad = [b"{broken\n"] * 9
    expected = logs("a.log", 3000, *bad) + logs("b.log.gz", 3000, *bad, packed=gzip.compress)
    arguments = (str(tmp_path / "?.log*"), "--output", tmp_path / "out")
    per_shard = {}
    for shard in ("3/3", "1/3", "2/3"):
        run = replay(*arguments, "--shard", shard)
        assert run.code == (1 if run.summary["unreadable"] else 0), run.stderr
        per_shard[shard] = run.summary["read"]
        assert run.summary["standards"]["plain"]["statements"] < 3000
        for record in replay.records():
            assert record["line"] or record["line_of_chunk"]
        assert replay(*arguments, "--shard", shard).summary["this_run"]["lines"] == 0
    assert sum(per_shard.values()) == len(expected) + 18
    assert max(per_shard.values()) < 2 * min(per_shard.values())
    assert sorted(ids_in(tmp_path / "out")) == sorted(expected)
    # Rotated, packed and followed by a new log: of the old one only the chunk in which it ends is read again, at most.
    (tmp_path / "a.log-1.gz").write_bytes(gzip.compress((tmp_path / "a.log").read_bytes()))
    expected += logs("a.log", 700)
    fresh = sum(replay(*arguments, "--shard", shard).summary["this_run"]["lines"] for shard in ("2/3", "3/3", "1/3"))
    assert 700 <= fresh < 700 + 400
    assert sorted(ids_in(tmp_path / "out")) == sorted(expected)


def test_an_ordered_log_is_in_one_shard_as_a_whole(
    replay: Replay, logs: Logs, consumer: Consumer, tmp_path: Path
) -> None:
    replay.configure(main=consumer.url)
    expected = logs("log", 1000)
    read = [replay(tmp_path / "log", "--ordered", "--shard", f"{number}/2").summary["read"] for number in (1, 2)]
    assert sorted(read) == [0, 1000]
    assert consumer.order == expected


# --- started by Celery --------------------------------------------------------------------------------------


def test_two_machines_do_what_one_process_does(replay: Replay, logs: Logs, broker: str, tmp_path: Path) -> None:
    set_broker(replay, broker)
    bad = [b"{broken\n"] * 20
    expected = logs("a.log", 6_000, *bad)
    expected += logs("b.log.gz", 2_000, *bad, packed=gzip.compress)
    expected += logs("c.log.zst", 2_000, packed=zstandard.compress)
    files = [tmp_path / name for name in ("a.log", "b.log.gz", "c.log.zst")]
    local = replay(*files, "--output", tmp_path / "local", "--since", "2026-03-01")
    records = replay.records()
    with machine(replay), machine(replay):
        arguments = (*files, "--output", tmp_path / "shards", "--since", "2026-03-01", "--celery-shards", 3)
        run = replay(*arguments)
        again = replay(*arguments)
    assert sorted(ids_in(tmp_path / "shards")) == ids_in(tmp_path / "local") == expected
    assert replay.records() == records
    assert again.summary.pop("this_run")["lines"] == 0
    run.summary.pop("this_run"), local.summary.pop("this_run")
    assert again.summary == run.summary == local.summary
    assert messages(broker) == []


def test_a_message_has_a_name_and_a_number_and_nothing_else(
    replay: Replay, logs: Logs, broker: str, tmp_path: Path
) -> None:
    set_broker(replay, broker)
    logs("a.log", 10)
    waiting = replay.start(tmp_path / "a.log", "--output", tmp_path / "out", "--celery-shards", 2)
    taken: list[dict[str, Any]] = []

    def number() -> int:
        taken.extend(messages(broker))
        return len(taken)

    reaches(number, 2)
    kill(waiting)
    (stored,) = (tmp_path / "learnrelay-replay").glob("*.json")
    assert [message["body"][:2] for message in taken] == [[[stored.stem, shard], {}] for shard in (1, 2)]
    content = json.dumps(taken)
    assert str(tmp_path) not in content
    assert "a.log" not in content


def test_whatever_dies_nothing_is_lost_and_nothing_stored_twice(
    replay: Replay, logs: Logs, consumer: Consumer, broker: str, tmp_path: Path
) -> None:
    replay.configure(main=consumer.url)
    set_broker(replay, broker)
    bad = [b"{broken\n"] * 20
    expected = logs("a.log", 10_000, *bad) + logs("b.log.gz", 4_000, *bad, packed=gzip.compress)
    arguments = (tmp_path / "a.log", tmp_path / "b.log.gz", "--celery-shards", 3)

    def more(requests: int) -> None:
        reaches(lambda: len(consumer.requests), len(consumer.requests) + requests)

    def slow(ids: list[str]) -> None:
        threading.Event().wait(0.02)

    consumer.behave = slow
    with machine(replay) as first, machine(replay):
        waiting = replay.start(*arguments)
        more(60)
        children = Path(f"/proc/{first.pid}/task/{first.pid}/children").read_text(encoding="ascii").split()
        os.kill(int(children[-1]), signal.SIGKILL)  # a process of the pool, as when memory runs out
        more(30)
        kill(first)
        more(30)
        kill(waiting)
        more(30)  # the shards go on
        assert len(consumer.stored) < len(expected)
        consumer.behave = lambda ids: None
        waiting = replay.start(*arguments)
        waiting.communicate(timeout=300)
        assert waiting.returncode == 1, "the broken lines"
        run = replay(*arguments)  # is all of it done?
    assert run.summary["this_run"]["lines"] == 0
    assert run.summary["read"] == len(expected) + 40
    assert run.summary["destinations"]["main"]["stored"] == len(expected)
    assert len(replay.records()) == 40
    assert set(consumer.stored) == set(expected)
    assert len(consumer.order) == len(expected), "stored twice"


def test_forged_messages_do_nothing(
    replay: Replay, logs: Logs, consumer: Consumer, broker: str, tmp_path: Path
) -> None:
    replay.configure(main=consumer.url)
    set_broker(replay, broker)
    expected = logs("a.log", 500)
    logs("foreign.log", 50)
    arguments = (tmp_path / "a.log", "--celery-shards", 2)
    log = tmp_path / "worker.log"
    with machine(replay, processes=1, log=log):
        assert replay(*arguments).code == 0
        (stored,) = (tmp_path / "learnrelay-replay").glob("*.json")
        (tmp_path / f"{'0' * 16}-of-2.json").write_bytes(stored.read_bytes().replace(b"a.log", b"foreign.log"))
        requests = len(consumer.requests)
        app = Celery(QUEUE, broker=broker, set_as_current=False)
        app.conf.update(task_default_queue=QUEUE)
        name = stored.stem
        forged: list[Any] = [
            [f"../{'0' * 16}-of-2", 1], [f"{'0' * 16}-of-2", 1], [str(tmp_path / f"{'0' * 16}-of-2"), 1],
            [f"{name}\nforged line", 1], [name, 0], [name, 3], [name, "1"], [name, True], [name, 1.0], [name, [1]],
            [{"spec": {}}, 1], [None, None], ["x" * 100_000, 1],
        ]  # fmt: skip
        for values in forged:
            app.send_task(TASK, args=values)
        app.send_task(TASK, args=[name, 1], kwargs={"log_files": [str(tmp_path / "foreign.log")]})
        app.send_task(TASK, args=[name, 1, str(tmp_path / "foreign.log")])
        for number in (1, 2, 1):  # again: all of it is done
            app.send_task(TASK, args=[name, number])
        app.send_task(TASK, args=["last", 1])
        reaches(lambda: is_in_log(log, "message refused: 'last' is not the name of a replay"), 1)
        app.close()
    assert log.read_text(encoding="utf-8").count("message refused") == len(forged) + 1
    assert "\nforged line" not in log.read_text(encoding="utf-8")
    assert len(consumer.requests) == requests
    assert set(consumer.stored) == set(expected)
    assert [message["body"][0] for message in messages(broker)] in ([], [["last", 1]])  # killed before it acknowledged


def test_two_commands_for_the_same_replay(replay: Replay, logs: Logs, broker: str, tmp_path: Path) -> None:
    set_broker(replay, broker)
    expected = logs("a.log", 2_000)
    arguments = (tmp_path / "a.log", "--output", tmp_path / "out", "--celery-shards", 2)
    first = replay.start(*arguments)
    reaches(lambda: len(list((tmp_path / "learnrelay-replay").glob("*.json"))), 1)
    second = replay(*arguments)
    assert second.code == 1
    assert "the same replay is running already" in second.stderr
    with machine(replay):
        first.communicate(timeout=200)
    assert first.returncode == 0
    assert sorted(ids_in(tmp_path / "out")) == expected


def test_no_worker_takes_a_shard_up(
    replay: Replay, logs: Logs, broker: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(SECRET, "Kd7wq2Lmz9Xv4bTn")
    monkeypatch.syspath_prepend(str(replay.installation.site))
    monkeypatch.setattr(celery_shards, "WARN_AFTER", 0.5)
    monkeypatch.setattr(celery_shards, "GIVE_UP_AFTER", 1.5)
    set_broker(replay, broker)
    logs("a.log", 10)
    assembly = assemble(replay.config)
    log_files = find_logs([str(tmp_path / "a.log")], print, "key")
    stored = StoredReplay.of(ReplaySpec(replay.config, (), ("plain",)), assembly, 2, log_files)
    runner = CeleryReplay(stored, tmp_path / "state", make_shard_app(assembly.config.delivery), again=False)
    with (tmp_path / "shown").open("w", encoding="utf-8") as shown:
        display = ProgressDisplay(Console(file=shown, width=1000), runner.bytes_total(), runner.bytes_done())
        with pytest.raises(ReplayError, match=r"no worker has taken up a shard for 1\.5 s; not ended: 1, 2"):
            runner.run(display)
    assert "no worker takes up a shard; does one run whose state folder is" in (tmp_path / "shown").read_text()
    sys.modules.pop("acme_plain", None)


def test_other_settings_and_other_secrets_are_refused(replay: Replay, logs: Logs, broker: str, tmp_path: Path) -> None:
    set_broker(replay, broker)
    logs("a.log", 10)
    arguments = (tmp_path / "a.log", "--output", tmp_path / "out", "--celery-shards", 2)
    with machine(replay, **{SECRET: "Hb5rj8Pxc3Gf6yWs"}):
        run = replay(*arguments)
    assert run.code == 2
    assert "this worker's file, secrets, tables or plugins differ" in run.stderr
    assert not ids_in(tmp_path / "out")
    other = tmp_path / "other.toml"
    other.write_text(replay.config.read_text(encoding="utf-8").replace("learn.example.org", "other.example.org"))
    with machine(replay, LEARNRELAY_CONFIG=str(other)):
        run = replay(*arguments)
    assert run.code == 2
    with machine(replay):
        assert replay(*arguments).code == 0
    assert len(ids_in(tmp_path / "out")) == 10


def test_a_log_that_a_machine_does_not_have(replay: Replay, logs: Logs, broker: str, tmp_path: Path) -> None:
    set_broker(replay, broker)
    expected = logs("a.log", 1000) + logs("b.log", 1000)
    arguments = (tmp_path / "a.log", tmp_path / "b.log", "--output", tmp_path / "out", "--celery-shards", 2)
    waiting = replay.start(*arguments)
    reaches(lambda: len(list((tmp_path / "learnrelay-replay").glob("*.json"))), 1)
    content = (tmp_path / "b.log").read_bytes()
    (tmp_path / "b.log").unlink()
    with machine(replay):
        _, stderr = waiting.communicate(timeout=200)
        assert waiting.returncode == 1
        assert stderr.count(b"b.log: No such file") == 1
        assert sorted(ids_in(tmp_path / "out")) == expected[:1000]
        (tmp_path / "b.log").write_bytes(content)
        assert replay(*arguments).code == 0
    assert sorted(ids_in(tmp_path / "out")) == expected
