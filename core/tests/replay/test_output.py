"""Replay into files: complete, in order, resumable, and never twice."""

from __future__ import annotations

import gzip
import json
import os
import random
import re
import signal
import sqlite3
import subprocess
import threading
import tracemalloc
import zipfile
from collections import Counter
from contextlib import closing
from functools import partial
from hashlib import blake2b, md5, sha1, sha256
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import zstandard

from delivery.consumer import Consumer
from learnrelay.replay import Checkpoint, ReplayError
from learnrelay.replay.checkpoint import ChunkResult, FailureRecords
from learnrelay.replay.log_files import describe_log
from plain import event, line

from .conftest import SECRET, Logs, Replay, ids_in, kill, reaches


@pytest.mark.parametrize("url", [False, True])
def test_all_kinds_of_logs_become_files(replay: Replay, logs: Logs, tmp_path: Path, url: bool) -> None:
    expected = logs("tracking.log-1", 1500)
    expected += logs("tracking.log-2.gz", 1500, packed=gzip.compress)
    expected += logs("tracking.log-3.zst", 1500, packed=zstandard.compress)
    (tmp_path / "tracking.log-4").write_bytes(b"")
    output = tmp_path / "out"
    place = output.as_uri() if url else output
    pattern = f"{tmp_path.as_uri() if url else tmp_path}/tracking.log-*"
    run = replay(pattern, "--output", place)
    assert run.code == 0, run.stderr
    assert run.summary["standards"]["plain"]["statements"] == 4500
    assert run.summary["destinations"] == {"plain": {"written": 4500}}
    assert ids_in(output) == expected
    assert len(list(output.rglob("*.jsonl.gz"))) > 9  # cut by size
    again = replay(pattern, "--output", place)
    assert (again.code, again.summary["this_run"]["lines"]) == (0, 0)
    assert again.summary["read"] == 4500
    assert "done before" not in again.stderr  # --json tells it by its numbers
    before = {path: path.read_bytes() for path in output.rglob("*.jsonl.gz")}
    assert replay(pattern, "--output", place, "--again").code == 0
    assert Counter(ids_in(output)) == Counter(expected * 2)
    assert {path: path.read_bytes() for path in before} == before, "overwritten"


@pytest.mark.parametrize("packed", ["gzip", "zstd", "none"])
def test_files_by_day(replay: Replay, tmp_path: Path, packed: str) -> None:
    times = [f"2026-03-{day:02}T{hour:02}:{minute:02}:00+02:00"
             for day in (3, 4, 5) for hour in range(24) for minute in range(60)]  # fmt: skip
    lines = [line({**event(), "timestamp": time}) for time in times]
    random.Random(3).shuffle(lines)  # so that the files of all days grow at the same time
    (tmp_path / "log").write_bytes(b"".join(lines))
    run = replay(tmp_path / "log", "--output", tmp_path / "out", "--by-day", "--compress", packed, "--split", "1GB")
    assert run.code == 0, run.stderr
    ids_by_day = {path.parent.name: len(ids_in(path.parent)) for path in (tmp_path / "out").rglob("*.jsonl*")}
    assert ids_by_day == {"2026-03-02": 120, "2026-03-03": 1440, "2026-03-04": 1440, "2026-03-05": 1320}


@pytest.mark.slow
def test_killed_ten_times_it_writes_what_it_would_have_written(replay: Replay, logs: Logs, tmp_path: Path) -> None:
    bad = [b"{broken\n", b"\x00\xff\n", b"\n"] * 30
    expected = logs("a.log", 20_000, *bad) + logs("b.log.gz", 20_000, *bad, packed=gzip.compress)
    whole = tmp_path / "whole"
    reference = replay(tmp_path / "a.log", tmp_path / "b.log.gz", "--output", whole)
    assert reference.code == 1
    records = replay.records()
    assert ids_in(whole) == expected
    rng = random.Random(5)
    arguments = (tmp_path / "a.log", tmp_path / "b.log.gz", "--output", tmp_path / "out")

    def files() -> int:
        return len(list((tmp_path / "out").rglob("*.gz")))

    for _ in range(10):
        process = replay.start(*arguments)
        enough = files() + rng.randint(1, 9)
        reaches(files, enough)
        threading.Event().wait(rng.random() * 0.02)  # wherever it happens to be
        kill(process)
    assert files() < len(list(whole.rglob("*.gz")))
    run = replay(*arguments)
    assert ids_in(tmp_path / "out") == expected
    assert {key: value for key, value in run.summary.items() if key != "this_run"} == {
        key: value for key, value in reference.summary.items() if key != "this_run"
    }
    assert replay.records() == records
    assert not [path for path in (tmp_path / "out").rglob(".*") if path.is_file()], "half files are left"


def test_a_log_that_grew_is_read_on(replay: Replay, logs: Logs, tmp_path: Path) -> None:
    first = logs("tracking.log", 1000)
    assert replay(tmp_path / "tracking.log", "--output", tmp_path / "out").code == 0
    second = logs("rest", 1000)
    with (tmp_path / "tracking.log").open("ab") as log:
        log.write((tmp_path / "rest").read_bytes())
    run = replay(tmp_path / "tracking.log", "--output", tmp_path / "out")
    assert run.code == 0
    assert 1000 <= run.summary["this_run"]["lines"] < 1500
    assert ids_in(tmp_path / "out") == first + second


@pytest.mark.slow
def test_a_short_log_that_grew_is_the_same_log(replay: Replay, logs: Logs, tmp_path: Path) -> None:
    first = logs("tracking.log", 3)
    assert replay(tmp_path / "tracking.log", "--output", tmp_path / "out").code == 0
    second = logs("rest", 500)
    with (tmp_path / "tracking.log").open("ab") as log:
        log.write((tmp_path / "rest").read_bytes())
    for lines in (503, 0):
        run = replay(tmp_path / "tracking.log", "--output", tmp_path / "out")
        assert (run.code, run.summary["this_run"]["lines"], run.summary["read"]) == (0, lines, 503)
    assert ids_in(tmp_path / "out") == first + second
    third = logs("tracking.log", 500)  # rotated: another file under the same name
    run = replay(tmp_path / "tracking.log", "--output", tmp_path / "out")
    assert run.summary["this_run"]["lines"] == 500
    assert "tracking.log: is not the log that had this name before; read from its beginning" in run.stderr
    assert Counter(ids_in(tmp_path / "out")) == Counter(first + second + third)


@pytest.mark.slow
def test_a_rotated_log_is_known_again(replay: Replay, logs: Logs, tmp_path: Path) -> None:
    log, rotated, packed = (tmp_path / name for name in ("tracking.log", "tracking.log-1", "tracking.log-2.gz"))

    def lines() -> int:
        run = replay(tmp_path / "tracking.log*", "--output", tmp_path / "out")
        assert (run.code, run.stderr) == (0, "")
        return int(run.summary["this_run"]["lines"])

    expected = logs("tracking.log", 1000)
    assert lines() == 1000
    expected += logs("rest", 500)
    with log.open("ab") as file:
        file.write((tmp_path / "rest").read_bytes())
    log.rename(rotated)
    expected += logs("tracking.log", 700)
    assert lines() < 700 + 500 + 500
    assert Counter(ids_in(tmp_path / "out")) == Counter(expected)
    packed.write_bytes(gzip.compress(rotated.read_bytes()))
    rotated.unlink()
    log.rename(rotated)
    assert lines() < 500, "the chunk where it ends, which cannot be known before"
    assert lines() == 0
    (tmp_path / "tracking.log-copy").write_bytes(packed.read_bytes())
    (tmp_path / "tracking.log-plain").write_bytes(rotated.read_bytes())
    assert replay(tmp_path / "tracking.log*", "--output", tmp_path / "out2").summary["files"] == 2
    assert Counter(ids_in(tmp_path / "out")) == Counter(ids_in(tmp_path / "out2")) == Counter(expected)


@pytest.mark.slow
def test_a_log_that_shrank_is_an_error(replay: Replay, logs: Logs, tmp_path: Path) -> None:
    expected = logs("log", 2000)
    arguments = (tmp_path / "log", "--output", tmp_path / "out")
    assert replay(*arguments).code == 0
    content = (tmp_path / "log").read_bytes().splitlines(True)
    (tmp_path / "log").write_bytes(b"".join(content[:1000]))
    run = replay(*arguments)
    assert (run.code, run.summary["this_run"]["lines"]) == (1, 0)
    assert run.summary["unread"] == [
        f"{tmp_path / 'log'}: is shorter than what was read of it before; --again reads what there is now"
    ]
    run = replay(*arguments, "--again")
    assert (run.code, run.summary["read"]) == (0, 1000)
    assert Counter(ids_in(tmp_path / "out")) == Counter(expected + expected[:1000])


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
@pytest.mark.slow
def test_a_stopped_replay_prints_how_to_go_on(
    replay: Replay, logs: Logs, tmp_path: Path, number: signal.Signals, code: int
) -> None:
    expected = logs("log", 20_000)
    arguments = (tmp_path / "log", "--output", tmp_path / "out")
    process = replay.start(*arguments)
    reaches(lambda: len(list((tmp_path / "out").rglob("*.gz"))), 5)
    os.killpg(process.pid, number)  # the processes hear it too, as from a terminal
    _, stderr = process.communicate(timeout=120)
    assert process.returncode == code
    assert stderr.rstrip().endswith(b"stopped; the same command goes on from here")
    assert b"Traceback" not in stderr
    assert not [path for path in (tmp_path / "out").rglob(".*") if path.is_file()], "half files are left"
    assert 0 < len(ids_in(tmp_path / "out")) < 20_000
    run = replay(*arguments)
    assert 0 < run.summary["this_run"]["lines"] < 20_000
    assert ids_in(tmp_path / "out") == expected


@pytest.mark.slow
def test_a_disk_that_is_full_is_not_the_logs_fault(replay: Replay, logs: Logs, tmp_path: Path) -> None:
    expected = logs("log", 3000)
    arguments = (tmp_path / "log", "--output", tmp_path / "out", "--compress", "none")
    run = replay(*arguments, largest_file=40_000)
    assert run.code == 1
    assert "/out/plain/log." in run.stderr
    assert "error: " in run.stderr
    assert ".jsonl: File too large" in run.stderr
    assert run.summary["unread"] == []
    assert not ids_in(tmp_path / "out")
    assert not [path for path in (tmp_path / "out").rglob("*") if path.is_file()], "half files keep it full"
    assert replay(*arguments).code == 0
    assert ids_in(tmp_path / "out") == expected


def test_a_log_by_several_names_is_read_once(
    replay: Replay, logs: Logs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = logs("log", 100)
    (tmp_path / "link").symlink_to(tmp_path / "log")
    (tmp_path / "other").mkdir()
    monkeypatch.chdir(tmp_path)
    run = replay("log", "./log", "other/../log", "lo*", "link", tmp_path / "log", "--output", tmp_path / "out")
    assert (run.code, run.summary["files"]) == (0, 1), run.stderr
    assert ids_in(tmp_path / "out") == expected


@pytest.mark.slow
def test_a_log_that_is_rotated_away_meanwhile(replay: Replay, logs: Logs, consumer: Consumer, tmp_path: Path) -> None:
    replay.configure(main=consumer.url)
    expected, fresh = logs("tracking.log", 8000), logs("fresh", 9000)

    def slow(ids: list[str]) -> None:
        threading.Event().wait(0.01)

    consumer.behave = slow
    process = replay.start(tmp_path / "tracking.log")
    reaches(lambda: len(consumer.requests), 20)
    (tmp_path / "tracking.log-1").hardlink_to(tmp_path / "tracking.log")
    (tmp_path / "fresh").replace(tmp_path / "tracking.log")  # in one moment
    _, stderr = process.communicate(timeout=120)
    assert process.returncode == 1
    assert stderr.count(b"tracking.log: is not the file any more that it was when the replay began") == 1
    assert set(consumer.stored) < set(expected), "what stands in the new file was taken for the old one"
    assert replay(tmp_path / "tracking.log", tmp_path / "tracking.log-1").code == 0
    assert set(consumer.stored) == set(expected + fresh)


@pytest.mark.slow
def test_a_log_that_is_copied_and_emptied_while_it_is_read(
    replay: Replay, logs: Logs, consumer: Consumer, tmp_path: Path
) -> None:
    """As logrotate does with copytruncate."""
    replay.configure(main=consumer.url)
    expected = logs("tracking.log", 8000)

    def slow(ids: list[str]) -> None:
        threading.Event().wait(0.01)

    consumer.behave = slow
    process = replay.start(tmp_path / "tracking.log")
    reaches(lambda: len(consumer.requests), 20)
    (tmp_path / "tracking.log.1").write_bytes((tmp_path / "tracking.log").read_bytes())
    os.truncate(tmp_path / "tracking.log", 0)
    _, stderr = process.communicate(timeout=120)
    assert process.returncode == 1
    assert b"tracking.log: became shorter while it was read" in stderr or b"is not the file any more" in stderr
    assert len(consumer.stored) < 8000
    assert replay(tmp_path / "tracking.log.1").code == 0
    assert set(consumer.stored) == set(expected)


@pytest.mark.slow
def test_a_short_log_that_grew_before_it_was_rotated(replay: Replay, logs: Logs, tmp_path: Path) -> None:
    expected = logs("tracking.log", 2)  # less than what a log is known by
    assert replay(tmp_path / "tracking.log", "--output", tmp_path / "out").code == 0
    begun = (tmp_path / "tracking.log").read_bytes()
    expected += logs("more", 500)
    (tmp_path / "tracking.log-1").write_bytes(begun + (tmp_path / "more").read_bytes())
    expected += logs("tracking.log", 300)
    run = replay(tmp_path / "tracking.log-1", tmp_path / "tracking.log", "--output", tmp_path / "out")
    assert run.code == 0
    assert sorted(ids_in(tmp_path / "out")) == sorted(expected)


@pytest.mark.slow
def test_a_copy_is_known_in_a_later_replay_too(replay: Replay, logs: Logs, tmp_path: Path) -> None:
    expected = logs("log-b", 500)
    assert replay(tmp_path / "log-*", "--output", tmp_path / "out").code == 0
    (tmp_path / "log-a.gz").write_bytes(gzip.compress((tmp_path / "log-b").read_bytes()))
    assert replay(tmp_path / "log-*", "--output", tmp_path / "out").code == 0
    assert ids_in(tmp_path / "out") == expected


def test_a_log_gets_its_new_name_as_a_whole_or_not_at_all(tmp_path: Path, logs: Logs) -> None:
    logs("tracking.log", 100)
    was = describe_log(str(tmp_path / "tracking.log"), "key")
    with Checkpoint(tmp_path / "state", "key") as checkpoint:
        checkpoint.finish(was, ChunkResult(checkpoint.file(was), 0, at_end=True))
    (tmp_path / "tracking.log-1.gz").write_bytes(gzip.compress((tmp_path / "tracking.log").read_bytes()))
    (tmp_path / "tracking.log").unlink()
    now = describe_log(str(tmp_path / "tracking.log-1.gz"), "key")
    with sqlite3.connect(tmp_path / "state" / "key.db") as database:
        database.execute("CREATE TRIGGER t BEFORE UPDATE ON chunk BEGIN SELECT RAISE(ABORT, 'power is off'); END")
    with Checkpoint(tmp_path / "state", "key") as checkpoint, pytest.raises(ReplayError, match="cannot be stored"):
        checkpoint.file(now)
    with sqlite3.connect(tmp_path / "state" / "key.db") as database:
        assert database.execute("SELECT path FROM file").fetchall() == [(was.path,)]
        database.execute("DROP TRIGGER t")
    with Checkpoint(tmp_path / "state", "key") as checkpoint:
        assert not checkpoint.progress(now).shrunk


@pytest.mark.slow
def test_however_the_config_file_is_called_it_is_the_same_replay(replay: Replay, logs: Logs, tmp_path: Path) -> None:
    logs("log", 100)
    replay.config.write_text(replay.config.read_text() + '[courses]\nprovider = "table"\npath = "courses.csv"\n')
    (tmp_path / "courses.csv").write_text("course_id,title\ncourse-v1:Harbour+SAIL+2026,Sailing\n")
    arguments = [str(tmp_path / "log"), "--output", str(tmp_path / "out")]
    assert replay(*arguments).code == 0
    for spelling, place in (
        ("relay.toml", tmp_path),
        ("./relay.toml", tmp_path),
        (f"{tmp_path.name}/relay.toml", ".."),
    ):
        command = [spelling if argument == str(replay.config) else argument for argument in replay.command(*arguments)]
        done = subprocess.run(command, cwd=tmp_path / place, env=replay.environment, capture_output=True, check=True)
        assert json.loads(done.stdout)["this_run"]["lines"] == 0, spelling


def test_a_log_in_an_archive(replay: Replay, logs: Logs, tmp_path: Path) -> None:
    expected = logs("log", 200)
    with zipfile.ZipFile(tmp_path / "logs.zip", "w") as archive:
        archive.write(tmp_path / "log", "2026/log-1")
    for name, output in (("log-1", "one"), ("log-*", "all")):
        run = replay(f"zip://2026/{name}::{(tmp_path / 'logs.zip').as_uri()}", "--output", tmp_path / output)
        assert run.code == 0, run.stderr
        assert ids_in(tmp_path / output) == expected


@pytest.mark.slow
def test_a_web_server_that_gives_whole_files_only(replay: Replay, logs: Logs, tmp_path: Path) -> None:
    expected = logs("log", 500)
    packed = gzip.compress((tmp_path / "log").read_bytes())
    big = b'{"padding": "' + b"x" * 500_000 + b'"}\n'
    (tmp_path / "large").write_bytes((tmp_path / "log").read_bytes() + big * 30)
    (tmp_path / "packed").write_bytes(packed)
    handler = partial(SimpleHTTPRequestHandler, directory=str(tmp_path))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_address[1]}"
        assert replay(f"{url}/packed", "--output", tmp_path / "out").code == 0
        assert ids_in(tmp_path / "out") == expected
        run = replay(f"{url}/large", "--output", tmp_path / "out2")
        assert run.code == 1
        assert "/large: the store says ValueError" in run.stderr
        server.shutdown()


def test_a_repeated_statement_is_written_once(replay: Replay, logs: Logs, tmp_path: Path) -> None:
    expected = logs("log", 50)
    (tmp_path / "log").write_bytes((tmp_path / "log").read_bytes() * 2)
    run = replay(tmp_path / "log", "--output", tmp_path / "out")
    assert ids_in(tmp_path / "out") == expected
    assert run.summary["destinations"]["plain"] == {"written": 50, "repeated in the log": 50}


def test_selections_and_dry_run(replay: Replay, tmp_path: Path) -> None:
    def lines(name: str, course: str, hours: range) -> list[bytes]:
        raw = event(name, course_id=f"course-v1:Harbour+{course}+1")
        return [line({**raw, "timestamp": f"2026-03-02T{hour:02}:00:00+00:00"}) for hour in hours]

    content = lines("watched", "a", range(24)) + lines("watched.old", "a", range(24)) + lines("watched", "b", range(24))
    (tmp_path / "log").write_bytes(b"".join(content) + line({**event(), "timestamp": "soon"}))
    for arguments, statements, code in (
        ((), 72, 1),
        (("--since", "2026-03-02T06:00", "--until", "2026-03-02T14:00:00+02:00"), 18, 1),
        (("--event", "watched.*"), 24, 0),
        (("--event", "watch*", "--course", "course-v1:Harbour+b+1"), 24, 0),
        (("--since", "2026-03-03", "--course", "course-v1:Harbour+a+1", "--course", "course-v1:Harbour+b+1"), 0, 0),
    ):
        run = replay(tmp_path / "log", "--output", tmp_path / "out", "--dry-run", *arguments)
        plain = run.summary["standards"]["plain"]
        assert (run.code, plain["statements"]) == (code, statements), run.stderr
        assert plain["skipped"].get("not selected", 0) == 73 - statements - code
        assert len(replay.records()) == code
    assert not (tmp_path / "out").exists()
    assert not (tmp_path / "learnrelay-replay").exists()


def test_bad_lines_cost_only_themselves(replay: Replay, logs: Logs, tmp_path: Path) -> None:
    bad = {
        b"\x00\xfe\xff garbage \x80\n": "no JSON object",
        b'{"name": "watched", "time":\n': "cut off: the line ends within its event",
        b'{"name": "wat\x00ched"}\n': "not valid JSON",
        json.dumps({**event(), "name": "w\xe4tched"}, ensure_ascii=False).encode("latin-1") + b"\n": "not valid JSON",
        b'{"x": "' + b"y" * 50_000_000 + b'"}\n': "longer than 1,048,576 bytes",
        line(event())[:-1].decode().encode("utf-16") + b"\n": "not valid JSON",
        line(event(data={"video": 5})): "data.video: expected text",
        line({**event(), "timestamp": "@@"}).replace(b'"@@"', b"[" * 300 + b"]" * 300): "timestamp: expected a date",
        line(event(course_id="@@", data={"video": 5})).replace(b'"@@"', b"[" * 1000 + b"]" * 1000): "expected text",
    }
    expected = logs("log", 2000, *bad)
    run = replay(tmp_path / "log", "--output", tmp_path / "out")
    assert run.code == 1
    assert ids_in(tmp_path / "out") == expected
    records = replay.records()
    step = 2000 // (len(bad) + 1)
    assert [record["line"] for record in records] == [step * number + number for number in range(1, len(bad) + 1)]
    for record, reason in zip(records, bad.values(), strict=True):
        assert reason in record["reason"]
    assert run.summary["read"] == 2000 + len(bad)
    reasons = run.summary["unreadable"] | run.summary["standards"]["plain"]["failed"]
    assert sum(reasons.values()) == len(bad)
    compressed = gzip.compress((tmp_path / "log").read_bytes())
    (tmp_path / "log.gz").write_bytes(compressed[: len(compressed) // 2])
    run = replay(tmp_path / "log.gz", "--output", tmp_path / "out2")
    assert run.code == 1
    assert "breaks off or is damaged" in replay.records()[-1]["reason"]
    written = ids_in(tmp_path / "out2")
    assert written == expected[: len(written)]


def test_events_that_are_glued_together_in_one_line_are_all_read(replay: Replay, logs: Logs, tmp_path: Path) -> None:
    expected = logs("log", 6)
    first, second, third, fourth, fifth, last = (tmp_path / "log").read_bytes().splitlines()
    broken = line(event(data={"video": 5})).strip()
    lines = [first, second + b"Mar  2 09:00:00 host - " + third + broken + fourth, b"{}{", fifth + last[:50], last]
    (tmp_path / "log").write_bytes(b"\n".join(lines) + b"\n")
    run = replay(tmp_path / "log", "--output", tmp_path / "out")
    assert ids_in(tmp_path / "out") == expected
    records = [(record["line"], record["reason"]) for record in replay.records()]
    reasons = ["data.video: expected text, found a number", "no event name (name or event_type)"]
    reasons += ["cut off: the line ends within its event"] * 2
    assert records == list(zip([2, 3, 3, 4], reasons, strict=True))
    plain = run.summary["standards"]["plain"]
    assert (run.code, run.summary["read"], run.summary["this_run"]["lines"]) == (1, 10, 5)
    assert (plain["transformed"], plain["not_mapped"], sum(run.summary["unreadable"].values())) == (6, 0, 3)
    command = ["transform", "--config", replay.config, tmp_path / "log", "--json", "--errors", tmp_path / "errors"]
    transformed = replay.installation.run(*command, **{SECRET: "Kd7wq2Lmz9Xv4bTn"})
    assert [json.loads(row)["id"] for row in transformed.stdout.splitlines()] == expected
    assert json.loads(transformed.stderr)["standards"] == run.summary["standards"]
    failed = [json.loads(row) for row in (tmp_path / "errors").read_bytes().splitlines()]
    assert [(record["line"], record["reason"]) for record in failed] == records


def test_what_nobody_can_mend_is_no_failure_and_the_unmapped_are_named(replay: Replay, tmp_path: Path) -> None:
    names = {
        "page_close": 3, "edx.bookmark.added": 1, r"\core\event\user_loggedin": 1, "/courses/a/courseware": 2,
        "/u/mira": 1, "a b\n\x1b[1m": 1,
    }  # fmt: skip
    unmapped = [line(event(name)) for name, number in names.items() for _ in range(number)]
    (tmp_path / "log").write_bytes(b"\n".join([line(event()), b" \r\n", *unmapped]))
    run = replay(tmp_path / "log", "--output", tmp_path / "out")
    expected = {
        "page_close": 3, "(requests)": 3, "edx.bookmark.added": 1, r"\core\event\user_loggedin": 1,
        "(other names)": 1,
    }  # fmt: skip
    command = ["transform", "--config", replay.config, tmp_path / "log"]
    transformed = replay.installation.run(*command, "--json", **{SECRET: "Kd7wq2Lmz9Xv4bTn"})
    for code, summary in ((run.code, run.summary), (transformed.returncode, json.loads(transformed.stderr))):
        plain = summary["standards"]["plain"]
        assert (code, summary["unreadable"], summary["unmapped"]) == (0, {}, expected)
        assert (plain["transformed"], plain["not_mapped"], plain["skipped"]) == (1, 9, {"blank line": 11})
        assert summary["read"] == 21
    more = [line(event(f"x.{letter}")) for letter in "abcdefghijkl" for _ in range(2)]
    with (tmp_path / "log").open("ab") as log:
        log.write(b"".join(more))
    printed = replay.installation.run(*command, **{SECRET: "Kd7wq2Lmz9Xv4bTn"}).stderr.decode()
    shown = re.findall(r"^(\(requests\)|page_close|x\.[a-l]) +([23]) *$", printed, flags=re.MULTILINE)
    names = [("page_close", "3"), *((f"x.{letter}", "2") for letter in "abcdefghi")]
    assert shown == [("(requests)", "3"), *names], "requests are one number, beside the ten most frequent names"
    assert "... and 6 more names; --json names all" in printed
    assert "/u/" not in printed


def test_an_event_of_an_unknown_course_is_recorded_and_becomes_statements_all_the_same(
    replay: Replay, tmp_path: Path
) -> None:
    elsewhere = "course-v1:Else+WHERE+1"
    events = [
        event(),
        event(course_id=elsewhere),
        event(course_id="", data={"video": "v", "course_id": elsewhere}),
        event("other", course_id=elsewhere),  # not mapped
        event(course_id=elsewhere, data={"video": 5}),  # fails
        event(course_id=None),
    ]
    lines = [line({**raw, "timestamp": f"2026-03-02T09:00:0{second}+00:00"}) for second, raw in enumerate(events)]
    (tmp_path / "log").write_bytes(b"".join(lines))
    replay.config.write_text(replay.config.read_text() + '[courses]\nprovider = "table"\npath = "courses.csv"\n')
    table = tmp_path / "courses.csv"
    table.write_text("course_id,title\ncourse-v1:Harbour+SAIL+2026,\n")
    run = replay(tmp_path / "log", "--output", tmp_path / "out")
    assert (run.code, run.summary["unknown_courses"], run.summary["standards"]["plain"]["transformed"]) == (1, 2, 4)
    assert len(ids_in(tmp_path / "out")) == 4
    records = {record["line"]: record for record in replay.records()}
    assert {number: record["error"] for number, record in records.items()} == {
        2: "UnknownCourseError",
        3: "UnknownCourseError",
        5: "InvalidFieldError",
    }
    assert elsewhere not in replay.errors.read_text()
    command = [*replay.command()[:1], "transform", "--config", str(replay.config), "--errors", str(replay.errors)]
    done = subprocess.run([*command, str(tmp_path / "log")], env=replay.environment, capture_output=True, check=False)
    assert (done.returncode, done.stdout.count(b"\n")) == (1, 4)
    assert {record["line"]: record["error"] for record in replay.records()} == {
        number: record["error"] for number, record in records.items()
    }
    table.write_text(table.read_text() + f"{elsewhere},Elsewhere\n")
    run = replay(tmp_path / "log", "--dry-run", "--output", tmp_path / "out")
    assert (run.code, run.summary["unknown_courses"], [record["line"] for record in replay.records()]) == (1, 0, [5])


@pytest.mark.slow
def test_memory_does_not_grow_with_what_is_wrong(replay: Replay, tmp_path: Path) -> None:
    (tmp_path / "log").write_bytes(b"x\n" * 300_000)
    run = replay(tmp_path / "log", "--split", "1GiB", "--output", tmp_path / "out")
    assert (run.code, run.summary["unreadable"]) == (1, {"no JSON object in the line": 300_000})
    with replay.errors.open("rb") as records:
        for number, record in enumerate(records, 1):
            if number in (1, 150_000, 300_000):
                assert json.loads(record)["line"] == number
    assert number == 300_000
    packed = FailureRecords()
    tracemalloc.start()
    for number in range(100_000):
        packed.add({"line": number, "event": "", "reason": "no JSON object in the line"})
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2**21


def test_nothing_that_is_stored_is_a_plain_digest_of_a_log(replay: Replay, logs: Logs, tmp_path: Path) -> None:
    logs("log", 1)
    assert replay(tmp_path / "log", "--output", tmp_path / "out").code == 0
    with closing(sqlite3.connect(next((tmp_path / "learnrelay-replay").glob("*.db")))) as checkpoint:
        ((head, headed),) = checkpoint.execute("SELECT head, headed FROM file")
    content = (tmp_path / "log").read_bytes()[:headed]
    assert head
    assert not any(head in digest(content).hexdigest() for digest in (blake2b, sha256, sha1, md5))
    assert head != blake2b(content, digest_size=len(head) // 2).hexdigest()


def test_one_replay_at_a_time(tmp_path: Path) -> None:
    with Checkpoint(tmp_path / "state", "key"), pytest.raises(ReplayError, match="running already"):
        Checkpoint(tmp_path / "state", "key")


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["no-such.log", "--output", "o"], "no-such.log: there is no such file"),
        (["log"], "has no destinations for this; --output DIR writes files instead"),
        (["log", "--to", "main"], "has no main"),
        (["log", "--output", "o", "--standard", "plane"], 'did you mean "plain"?'),
        (["log", "--output", "o", "--since", "yesterday"], "expected a date"),
        (["log", "--output", "o", "--split", "3"], "expected a size"),
        (["log", "--output", "o", "--since", "2026-03-02", "--until", "2026-03-01"], "expected a time after --since"),
        (["log", "--output", "o", "--event", "watch"], 'not mapped by any enabled plugin; did you mean "watched"?'),
        (["log", "--output", "o", "--errors", "log"], "is one of the logs"),
        (["log", "--output", "."], "give the output a place of its own"),
        (["log", "--output", "log"], "log: File exists"),
        (["-", "--output", "o"], "-: standard input cannot be read again"),
        (["pipe", "--output", "o"], "is a pipe or device"),
        (["gone", "--output", "o"], "gone: No such file"),
        (["log", "--output", "o", "--rate", "5"], "are for destinations"),
        (["log", "--dry-run", "--to", "main", "--output", ""], "is empty; is a variable of the shell not set?"),
        (["", "--output", "o"], "one of the names is empty"),
        (["log", "--output", "memory://o"], "nothing can be kept there"),
        (["no\udce9.log", "--output", "o"], "the name is not UTF-8"),
        (["copy", "--output", "o", "--errors", "log"], "is one of the logs"),
        (["s5://bucket/log", "--output", "o"], "Protocol not known: s5"),
    ],
)
def test_wrong_use(replay: Replay, arguments: list[str], reason: str, tmp_path: Path) -> None:
    (tmp_path / "log").write_bytes(b"")
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "gone").symlink_to("nowhere")
    (tmp_path / "copy").symlink_to("log")
    (tmp_path / "no\udce9.log").touch()
    there = {"o", "gone", "."} | {path.name for path in tmp_path.iterdir()}
    run = replay(*[str(tmp_path / argument) if argument in there else argument for argument in arguments])
    assert run.code == 2
    assert reason in run.stderr


def test_no_file_that_is_needed_is_written_over(replay: Replay, logs: Logs, tmp_path: Path) -> None:
    logs("log", 10)
    (tmp_path / "log.gz").write_bytes(gzip.compress((tmp_path / "log").read_bytes()))
    for name, files in (
        ("log", [(tmp_path / "log").as_uri()]),
        ("log", [tmp_path / "log.gz", tmp_path / "log"]),  # the second is a copy, and is not read
        ("relay.toml", [tmp_path / "log"]),
    ):
        before = (tmp_path / name).read_bytes()
        run = replay(*files, "--dry-run", "--output", tmp_path / "out", "--errors", tmp_path / name)
        assert run.code == 2, run.stderr
        assert (tmp_path / name).read_bytes() == before


@pytest.mark.parametrize("to", [False, True])
def test_files_are_for_their_owner_alone_whatever_the_umask(
    replay: Replay, logs: Logs, tmp_path: Path, consumer: Consumer, to: bool
) -> None:
    replay.configure(main=consumer.url)
    logs("tracking.log", 30, b"damaged\n")
    state, output, mask = tmp_path / "state", tmp_path / "out", os.umask(0)
    try:
        run = replay(tmp_path / "tracking.log", *([] if to else ["--output", output, "--by-day"]), "--state", state)
    finally:
        os.umask(mask)
    assert run.code == 1 and "other users" not in run.stderr
    paths = [replay.errors, state, *state.rglob("*"), *([] if to else [output, *output.rglob("*")])]
    assert len(paths) >= 4
    assert {path.name: path.stat().st_mode & 0o077 for path in paths} == {path.name: 0 for path in paths}


def test_files_that_others_may_open_already_are_named(replay: Replay, logs: Logs, tmp_path: Path) -> None:
    logs("tracking.log", 30)
    state, output = tmp_path / "state", tmp_path / "out"
    assert replay(tmp_path / "tracking.log", "--output", output, "--state", state).code == 0
    (checkpoint,) = state.glob("*.db")
    for path in (replay.errors, checkpoint, state):
        path.chmod(0o755)
    run = replay(tmp_path / "tracking.log", "--output", output, "--state", state)
    for path, mode in ((replay.errors, 600), (checkpoint, 600), (state, 700)):
        assert f"{path}: other users may open it, and it holds what learners did: chmod {mode}" in run.stderr
