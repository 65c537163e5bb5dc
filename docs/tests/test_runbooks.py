"""Each runbook of docs/runbooks.md against the fault that it describes, with the commands that it shows."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from learnrelay import Relay
from learnrelay.cli import cli
from learnrelay.delivery.backoff import Backoff
from learnrelay.errors import LearnrelayError
from learnrelay.outbox.looks import QueueLooks
from learnrelay_contract_tests.endpoints import Misbehaviour, ReferenceLrs
from relay_files import relay_toml

PAGE = (Path(__file__).parents[1] / "runbooks.md").read_text(encoding="utf-8")
SECTIONS = dict(re.findall(r"^## (.*?)\n(.*?)(?=^## |\Z)", PAGE, re.MULTILINE | re.DOTALL))


def normalise(text: str) -> str:
    """Writes what differs from run to run as its kind: 0 stays, and so do the codes of HTTP."""
    text = re.sub(r"^([012])$", lambda code: f"exit {('zero', 'one', 'two')[int(code[1])]}", text, flags=re.MULTILINE)
    for pattern, kind in (
        (r"[ \t]+", " "),
        (r" +$", ""),
        (r"https?://\S+", "URL"),
        (r"(?<=[ :])/\S+(?=[\s:,])", "FILE"),
        (r"\d{4}-\d\d-\d\d \d\d:\d\d", "MINUTE"),
        (r"(?<= )[\da-f]{8}(?=[ \n])", "ID"),
        (r"\b\d[\d.,]*(?:e\+\d+)? (ms|s|min|h|d)\b", "SPAN"),
        (r"(?<!HTTP )(?<![-\w.])(?!0\b)\d[\d,.]*\b", "NUMBER"),
    ):
        text = re.sub(pattern, kind, text, flags=re.MULTILINE)
    return text.strip()


def as_pattern(expected: str) -> str:
    """Returns a regular expression; a line ``…`` stands for any lines, and none."""
    lines = [r"(?:.*\n)*?" if line == "…" else f"{re.escape(line)}\n" for line in normalise(expected).split("\n")]
    return "".join(lines)


class Runbook:
    """Plays the console blocks of a section, one after the other, in a site with one destination."""

    def __init__(self, title: str, folder: Path, url: str, **delivery: Any) -> None:
        self.folder, self.url, self.delivery = folder, url, delivery
        self._blocks = iter(re.findall(r"```console\n(.*?)```", SECTIONS[title], re.DOTALL))
        self.write()

    def write(self, xapi: dict[str, str] | None = None, **destination: Any) -> None:
        main = {"standard": "xapi", "url": self.url, **destination}
        delivery = {"database": "sqlite:///outbox.db", "engine": "none", "wait": "100ms", **self.delivery}
        sections = {"platform": {"source": "openedx"}, "delivery": delivery, **({"xapi": xapi} if xapi else {})}
        (self.folder / "relay.toml").write_text(relay_toml(["xapi.video"], {"main": main}, **sections), "utf-8")

    def open(self) -> Relay:
        return Relay.from_file(self.folder / "relay.toml")

    def emit(self, *numbers: int, **context: Any) -> None:
        """Emits so many events; those that cannot be stored are lost, as in a platform that goes on."""
        with self.open() as relay:
            for number in numbers:
                with suppress(LearnrelayError):
                    relay.emit(event(number, **context))

    @staticmethod
    def run(command: str) -> str:
        done = CliRunner().invoke(cli, shlex.split(command)[1:])
        if isinstance(done.exception, LearnrelayError):  # `main` prints it, and exits so
            return f"{done.output}error: {done.exception}\n1\n"
        assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
        return f"{done.output}{done.exit_code}\n"

    def worker(self) -> None:
        assert self.run("learnrelay worker --until-empty").endswith("\n0\n")

    def play(self) -> None:
        """Runs the commands of the next block, and compares what they print with the page."""
        for command, expected in re.findall(r"^\$ (.*)\n((?:(?!\$ ).*\n)*)", next(self._blocks), re.MULTILINE):
            bare = command.removesuffix("; echo $?")
            output = self.run(bare)
            if bare == command:  # its exit code is not shown
                output = output.rstrip("\n").rpartition("\n")[0]
            assert re.fullmatch(as_pattern(expected), f"{normalise(output)}\n"), f"$ {command}\n{output}"

    def finish(self) -> None:
        assert next(self._blocks, None) is None, "the page shows more than the test has played"


def event(number: int, **context: Any) -> dict[str, Any]:
    return {
        "name": "edx.video.played",
        "timestamp": f"2026-03-02T09:{number // 60 % 60:02}:{number % 60:02}+00:00",
        "data": {"id": "0a1b", "code": "html5", "currentTime": 42, "duration": 1001},
        "context": {"user_id": number, "course_id": "course-v1:Harbour+SAIL+2026", **context},
    }


@contextmanager
def clock_ahead_by(seconds: float) -> Iterator[None]:
    """Has this host's clock show another time."""
    with pytest.MonkeyPatch.context() as patch:
        real, real_ns = time.time, time.time_ns
        patch.setattr(time, "time", lambda: real() + seconds)
        patch.setattr(time, "time_ns", lambda: real_ns() + int(seconds * 1e9))
        yield


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("SECRET", "Kd7wq2Lmz9Xv4bTn")
    monkeypatch.setenv("LEARNRELAY_CONFIG", str(tmp_path / "relay.toml"))


@pytest.fixture
def lrs() -> Iterator[ReferenceLrs]:
    with ReferenceLrs() as endpoint:
        yield endpoint


def test_nobody_delivers(tmp_path: Path, lrs: ReferenceLrs) -> None:
    book = Runbook("Nobody delivers", tmp_path, lrs.url)
    with clock_ahead_by(-3600):
        book.emit(*range(40))
    book.play()
    book.worker()
    book.play()
    book.finish()


@pytest.mark.slow
def test_consumer_down(tmp_path: Path, lrs: ReferenceLrs, monkeypatch: pytest.MonkeyPatch) -> None:
    book = Runbook("Consumer down", tmp_path, lrs.url)
    monkeypatch.setattr(Backoff, "wait", lambda *_: 600.0)  # at random, the next try may be now
    lrs.stop()
    with clock_ahead_by(-900):
        book.emit(*range(40))
        book.worker()
    book.run("learnrelay resume main")
    book.worker()
    book.play()

    lrs.start()
    book.run("learnrelay resume main")
    book.worker()
    lrs.misbehave(Misbehaviour(status=401))
    book.emit(*range(40, 80))
    book.worker()
    book.play()

    lrs.behave()
    book.play()
    book.worker()
    book.play()
    book.finish()


def test_queue_grows(tmp_path: Path, lrs: ReferenceLrs) -> None:
    book = Runbook("Queue grows", tmp_path, lrs.url, limit=30)
    with clock_ahead_by(-7200):
        book.emit(*range(10))
        book.worker()
    with clock_ahead_by(-5400):
        book.emit(*range(10, 40))
    book.delivery["full"] = "raise"
    book.write()
    book.emit(*range(40, 50))
    mark_as_looked_at(tmp_path)
    book.play()
    book.worker()
    book.play()
    book.finish()


def mark_as_looked_at(folder: Path) -> None:
    """Has a worker look at the queue now: one that is there, and sends less than comes in."""
    with Relay.from_file(folder / "relay.toml") as relay:
        QueueLooks(relay.outbox, "main").record()


def test_spool_grows(tmp_path: Path, lrs: ReferenceLrs) -> None:
    book = Runbook("Spool grows", tmp_path, lrs.url, full="spool", intake="spool")
    with clock_ahead_by(-1200):
        book.emit(*range(40))
    book.play()
    book.worker()
    book.play()
    book.finish()


def test_dead_letters(tmp_path: Path, lrs: ReferenceLrs) -> None:
    book = Runbook("Dead letters", tmp_path, lrs.url)
    refusal = Misbehaviour(status=400, body='{"message": "the course is not known here"}')
    lrs.misbehave(refusal, matching=lambda statement: "Harbour+TIDE" in json.dumps(statement))
    book.emit(*range(10))
    book.emit(*range(10, 13), course_id="course-v1:Harbour+TIDE+2026")
    book.worker()
    book.play()
    lrs.behave()
    book.play()
    book.worker()
    book.play()
    book.finish()


def test_conflicts_after_an_upgrade(tmp_path: Path, lrs: ReferenceLrs) -> None:
    book = Runbook("Conflicts after an upgrade", tmp_path, lrs.url)
    for session_ids in ("plain", "digest"):
        book.write({"session_ids": session_ids})
        book.emit(*range(10), session="s" * 32)
        book.worker()
    book.play()
    book.play()
    book.play()
    book.finish()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """Yields a disk of 4 MiB, which only root can make."""
    (disk := tmp_path / "disk").mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=4m,mode=700", "tmpfs", disk]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("a disk of its own: cannot be mounted here")
    yield disk
    subprocess.run(["umount", "--lazy", disk], check=True)


@pytest.mark.slow
def test_disk_full(small_disk: Path, lrs: ReferenceLrs, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LEARNRELAY_CONFIG", str(small_disk / "relay.toml"))
    book = Runbook("Disk full", small_disk, lrs.url)
    book.emit(*range(20))
    other = small_disk / "a-log-beside-it"
    with book.open() as relay:
        for number in range(20, 24):
            relay.emit(event(number))
        fill(other)
        with pytest.raises(LearnrelayError, match=r"the disk is full \(SQLITE_FULL\)"):
            for number in range(24, 100):
                relay.emit(event(number))
        book.play()
        book.play()
    other.unlink()
    book.run("learnrelay status")  # takes the -wal in, and leaves no file beside the outbox
    fill(other)
    book.play()
    other.unlink()
    book.worker()
    book.play()
    book.finish()


def fill(file: Path) -> None:
    with suppress(OSError), file.open("wb", buffering=0) as stream:
        while True:
            stream.write(b"x" * 512)


def test_wrong_clock(tmp_path: Path, lrs: ReferenceLrs) -> None:
    book = Runbook("Wrong clock", tmp_path, lrs.url)
    lrs.misbehave(Misbehaviour(status=503))
    book.emit(*range(20))
    with clock_ahead_by(7200):
        book.worker()
    lrs.behave()
    book.play()
    book.play()
    book.worker()
    book.play()
    book.finish()


def test_each_runbook_is_played() -> None:
    """By name: a section without its test fails here, whichever tests were run."""
    names = {title.lower().replace(" ", "_") for title in SECTIONS}
    assert {f"test_{name}" for name in names} <= globals().keys()
    links = set(re.findall(r"\]\(#([\w-]+)\)", PAGE))
    assert links == {title.lower().replace(" ", "-") for title in SECTIONS}
