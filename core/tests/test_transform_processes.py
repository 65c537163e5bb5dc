"""``transform`` in several processes: the same output, the same counts and lines, nothing that hangs or stays."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import orjson
import pytest

from installation import Installation
from learnrelay.errors import LearnrelayError
from learnrelay.forked_map import forked_map
from learnrelay.pipeline.outcome_counts import MAX_NAMES, OTHER_NAMES
from plain import event, line

SECRET = "a secret of more than thirty-two characters, of the tests"
TRANSFORM = ("transform", "--standard", "plain", "--json")


def _log(path: Path, lines: int) -> Path:
    """Writes a log with lines that fail and lines that nobody maps, each of its own time."""
    broken = {500: b"{not an event\n", 1_203: b"\n", 2_900: b'{"name": "other"}\n'}
    whole = line(event())
    path.write_bytes(
        b"".join(broken.get(number, whole.replace(b"2026", b"%04d" % (number % 900 + 1100))) for number in range(lines))
    )
    return path


def test_several_processes_give_what_one_gives(plain_installation: Installation, tmp_path: Path) -> None:
    logs = [_log(tmp_path / "a.log", 8_000), _log(tmp_path / "b.log", 3_000)]
    results = []
    for processes in ("1", "3"):
        output, errors = tmp_path / f"{processes}.jsonl", tmp_path / f"{processes}.errors"
        done = plain_installation.run(
            *TRANSFORM, *logs, "-o", output, "-e", errors, "--processes", processes,
            LEARNRELAY_IDENTITY_SECRET=SECRET,
        )  # fmt: skip
        assert done.returncode == 1, "a line is no event"
        results.append((output.read_bytes(), errors.read_bytes(), done.stderr))
    assert results[0] == results[1]
    statements, errors, summary = results[0]
    assert statements.count(b"\n") == 8_000 + 3_000 - 6
    failed = [(Path(record["file"]).name, record["line"]) for record in map(orjson.loads, errors.splitlines())]
    assert failed == [("a.log", 501), ("b.log", 501)]
    assert orjson.loads(summary)["read"] == 11_000


def _raise_for_two(item: int) -> int:
    if item == 2:
        raise LearnrelayError("two")
    return item


def _kill_for_two(item: int) -> int:
    if item == 2:
        os.kill(os.getpid(), signal.SIGKILL)
    return item


def test_what_the_function_raises_comes_in_its_turn() -> None:
    given = []
    with forked_map(_raise_for_two, 2) as apply, pytest.raises(LearnrelayError, match="two"):
        given.extend(result for _, result in apply(range(9)))
    assert given == [0, 1]


def test_a_process_that_is_killed_is_an_error() -> None:
    with pytest.raises(LearnrelayError, match="a process was killed"), forked_map(_kill_for_two, 2) as apply:
        list(apply(range(9)))


def test_items_are_not_taken_far_ahead() -> None:
    taken = []
    with forked_map(abs, 2) as apply:
        for _ in apply(taken.append(item) or item for item in range(1_000)):  # type: ignore[func-returns-value]
            assert len(taken) < 10
            break


def test_no_process_stays_when_the_parent_is_killed() -> None:
    script = (
        "import os, time\nfrom learnrelay.forked_map import forked_map\n"
        "def f(_):\n    os.write(1, b'begun\\n')\n    time.sleep(600)\n"
        "with forked_map(f, 2) as apply:\n    list(apply(range(2)))\n"
    )
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        assert [parent.stdout.readline() for _ in range(2)] == ["begun\n"] * 2
        parent.kill()
        parent.communicate(timeout=60)  # until no process holds its output any more


@pytest.mark.parametrize("processes", ["1", "2"])
def test_names_without_end_are_counted_together_however_long_the_log(
    plain_installation: Installation, tmp_path: Path, processes: str
) -> None:
    log = tmp_path / "names.log"
    log.write_bytes(b"".join(b'{"name": "other.n%d", "more": "%s"}\n' % (n, b"x" * 300) for n in range(3_000)))
    done = plain_installation.run(*TRANSFORM, log, "--processes", processes, LEARNRELAY_IDENTITY_SECRET=SECRET)
    unmapped = orjson.loads(done.stderr)["unmapped"]
    assert sum(unmapped.values()) == 3_000
    assert len(unmapped) == MAX_NAMES + 1
    assert unmapped[OTHER_NAMES] == 3_000 - MAX_NAMES
