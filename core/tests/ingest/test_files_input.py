"""The input ``files`` on real files: growth, rotation, and what happens while nobody reads."""

from __future__ import annotations

import gzip
import logging
import os
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from learnrelay.core_inputs import growing_log
from learnrelay.core_inputs.files_input import FilesInput
from learnrelay.errors import UnreadableEventError
from learnrelay.inputs import Position
from learnrelay.reading.lines import LONGEST_LINE

KEY = b"Kd7wq2Lmz9Xv4bTn"


class Reader:
    """Reads an input as the core does: ``lines`` is what came, ``position`` what the outbox would hold."""

    def __init__(self, *patterns: Path, begin: str = "start", key: bytes = KEY) -> None:
        self._settings = {"paths": tuple(map(str, patterns)), "begin": begin}
        self._key = key
        self.position: Position | None = None
        self.open()

    def open(self, key: bytes = b"") -> None:
        """Opens the input at the stored position, as after a kill."""
        self._input = FilesInput(self._settings, key or self._key)
        self._input.open(self.position)

    def close(self) -> None:
        self._input.close()

    def read(self, most: int = 10**9, timeout: float = 0.11) -> list[Any]:
        """Returns the lines up to the present end, or ``most`` of them, up to which the position then stands."""
        lines: list[Any] = []
        while len(lines) < most and (batch := self._input.read(timeout)) is not None:
            number = min(len(batch.events), most - len(lines))
            lines += batch.events[:number]
            self.position = batch.positions[number - 1]
        return [line.decode() if isinstance(line, bytes) else line for line in lines]

    @property
    def lag(self) -> int:
        return self._input.lag()


@pytest.fixture
def follow() -> Iterator[Callable[..., Reader]]:
    readers: list[Reader] = []

    def make(*patterns: Path, **options: Any) -> Reader:
        readers.append(Reader(*patterns, **options))
        return readers[-1]

    yield make
    for reader in readers:
        reader.close()


Follow = Callable[..., Reader]


def lines(first: int, last: int) -> list[str]:
    """Lines that are not alike, as those of a log, which have times to the microsecond."""
    return [f'{{"n": {number}, "filling": "{"x" * (number % 70)}"}}' for number in range(first, last + 1)]


def append(path: Path, first: int, last: int) -> None:
    with path.open("a", encoding="utf-8") as log:
        log.write("".join(f"{line}\n" for line in lines(first, last)))


def rename(path: Path, target: str) -> Path:
    """Rotates as logrotate does: the log gets another name, and a new one is made."""
    moved = path.rename(path.with_name(target))
    path.touch()
    return moved


def copy_and_empty(path: Path, target: str) -> Path:
    """Rotates as logrotate does with copytruncate."""
    copy = path.with_name(target)
    shutil.copyfile(path, copy)
    os.truncate(path, 0)
    return copy


def pack(path: Path) -> None:
    """Packs a rotated log as logrotate does: the copy has the time of the original."""
    packed = path.with_name(f"{path.name}.gz")
    packed.write_bytes(gzip.compress(path.read_bytes()))
    shutil.copystat(path, packed)
    path.unlink()


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "tracking.log"


# --- growth -----------------------------------------------------------------------------------------------


def test_what_is_there_and_what_comes(follow: Follow, log: Path) -> None:
    append(log, 1, 500)
    reader = follow(log)
    assert reader.read() == lines(1, 500)
    assert reader.read() == []
    append(log, 501, 502)
    assert reader.read() == lines(501, 502)
    assert reader.lag == 0


def test_it_reads_on_at_the_line_that_was_stored(follow: Follow, log: Path) -> None:
    append(log, 1, 1000)
    reader = follow(log)
    assert reader.read(most=333) == lines(1, 333)
    reader.open()
    assert reader.read(most=600) == lines(334, 933)
    reader.open()
    assert reader.read() == lines(934, 1000)


def test_a_log_that_is_not_there_yet_is_waited_for(follow: Follow, log: Path, caplog: pytest.LogCaptureFixture) -> None:
    reader = follow(log)
    assert "there is no such file yet" in caplog.text
    assert reader.read() == []
    append(log, 1, 3)
    assert reader.read() == lines(1, 3)


def test_it_may_begin_with_the_lines_to_come(follow: Follow, log: Path) -> None:
    append(log, 1, 3)
    with log.open("a", encoding="utf-8") as file:
        file.write('{"n": 4, ')
    reader = follow(log, begin="end")
    assert reader.read() == []
    with log.open("a", encoding="utf-8") as file:
        file.write('"rest": 1}\n')
    assert reader.read() == ['{"n": 4, "rest": 1}'], "a line that was being written is one to come"
    reader.open()
    append(log, 5, 6)
    assert reader.read() == lines(5, 6)


def test_a_line_is_read_when_it_is_whole(follow: Follow, log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(growing_log, "_QUIET", 0.1)
    log.write_text('{"n": 1}\n{"n": ')
    reader = follow(log)
    assert reader.read(timeout=0.3) == ['{"n": 1}']
    with log.open("a", encoding="utf-8") as file:
        file.write('{"inner": 2}')
    assert reader.read(timeout=0.3) == [], "it ends like an object, and is none yet"
    with log.open("a", encoding="utf-8") as file:
        file.write("}")
    assert reader.read(timeout=0.3) == ['{"n": {"inner": 2}}'], "the last line of a log may have no end"


def test_hostile_lines_are_events_that_cannot_be_read(follow: Follow, log: Path) -> None:
    huge = b"x" * (3 * LONGEST_LINE)
    log.write_bytes(b"\xef\xbb\xbfone\n\n" + huge + b"\n\x00\xff\ntwo\n" + huge)
    reader = follow(log)
    first, blank, too_long, odd, second = _raw(reader)
    assert (first, blank, odd, second) == (b"one", b"", b"\x00\xff", b"two")
    assert isinstance(too_long, UnreadableEventError) and "longer than" in str(too_long)
    with log.open("ab") as file:
        file.write(b"\nthree\n")
    reader.open()
    again, third = _raw(reader)
    assert isinstance(again, UnreadableEventError), "the position was before it, so all of it is one line"
    assert third == b"three"


def _raw(reader: Reader) -> list[Any]:
    events: list[Any] = []
    while (batch := reader._input.read(0.11)) is not None:
        events += batch.events
        reader.position = batch.positions[-1]
    return events


# --- rotation while it reads ------------------------------------------------------------------------------


def test_a_renamed_log_is_read_to_its_end_before_the_new_one(follow: Follow, log: Path) -> None:
    append(log, 1, 10)
    reader = follow(log)
    assert reader.read() == lines(1, 10)
    append(log, 11, 12)
    moved = rename(log, "tracking.log.1")
    append(moved, 13, 14)  # who writes may notice late
    append(log, 15, 16)
    assert reader.read() == lines(11, 16)
    append(moved, 17, 17)
    append(log, 18, 18)
    assert sorted(reader.read()) == sorted(lines(17, 18))
    reader.open()
    append(moved, 19, 19)
    append(log, 20, 20)
    assert sorted(reader.read()) == sorted(lines(19, 20)), "after a kill too"


def test_copytruncate(follow: Follow, log: Path) -> None:
    append(log, 1, 50)
    reader = follow(log)
    assert reader.read() == lines(1, 50)
    append(log, 51, 60)
    copy_and_empty(log, "tracking.log.1")
    append(log, 61, 63)
    assert sorted(reader.read()) == sorted(lines(51, 63))
    copy_and_empty(log, "tracking.log.1")
    append(log, 64, 400)  # longer than before, at once
    assert reader.read() == lines(64, 400)
    os.truncate(log, 0)
    append(log, 401, 402)
    assert reader.read() == lines(401, 402)


def test_a_log_that_is_emptied_without_a_copy_is_said(
    follow: Follow, log: Path, caplog: pytest.LogCaptureFixture
) -> None:
    append(log, 1, 50)
    reader = follow(log)
    assert reader.read() == lines(1, 50)
    log.write_text("")
    append(log, 51, 51)
    assert reader.read() == lines(51, 51)
    assert "was emptied, and no copy of it is found" in caplog.text


@pytest.mark.parametrize("rotate", [rename, copy_and_empty])
def test_a_glob_that_names_the_rotated_logs_too(rotate: Callable[[Path, str], Path], follow: Follow, log: Path) -> None:
    append(log, 1, 5)
    reader = follow(log.with_name("tracking.log*"))
    assert reader.read() == lines(1, 5)
    append(log, 6, 8)
    moved = rotate(log, "tracking.log-20260301")
    append(log, 9, 9)
    assert sorted(reader.read()) == sorted(lines(6, 9))
    pack(moved)
    append(log, 10, 10)
    assert reader.read() == lines(10, 10)
    reader.open()
    append(log, 11, 11)
    assert reader.read() == lines(11, 11), "what was read is known under every name"


def test_a_copy_that_is_being_made_is_no_log(follow: Follow, log: Path) -> None:
    append(log, 1, 200)
    reader = follow(log.with_name("*.log*"))
    assert reader.read() == lines(1, 200)
    copy = log.with_name("tracking.log.1")
    copy.write_bytes(log.read_bytes()[:9000])
    assert reader.read() == []
    copy.write_bytes(log.read_bytes())
    assert reader.read() == []
    os.truncate(log, 0)
    append(log, 201, 202)
    assert reader.read() == lines(201, 202)


# --- rotation while nobody reads --------------------------------------------------------------------------


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("rotate", [rename, copy_and_empty])
def test_a_log_that_was_rotated_meanwhile(
    rotate: Callable[[Path, str], Path], packed: bool, follow: Follow, log: Path
) -> None:
    append(log, 1, 100)
    reader = follow(log)
    assert reader.read(most=70) == lines(1, 70)
    reader.close()
    append(log, 101, 110)
    moved = rotate(log, "tracking.log-20260301")
    if packed:
        pack(moved)
    append(log, 111, 112)
    reader.open()
    assert reader.read() == lines(71, 112)
    reader.open()
    assert reader.read() == []


def test_a_log_that_was_rotated_several_times_meanwhile(follow: Follow, log: Path) -> None:
    append(log, 1, 30)
    old = rename(log, "tracking.log.9")
    os.utime(old, (time.time() - 9000, time.time() - 9000))
    append(log, 31, 60)
    reader = follow(log)
    assert reader.read(most=10) == lines(31, 40)
    reader.close()
    for number in range(3):
        moved = rename(log, f"tracking.log.{3 - number}")
        age = time.time() - 1000 + number
        os.utime(moved, (age, age))
        if number < 2:
            pack(moved)
        append(log, 61 + 10 * number, 70 + 10 * number)
    (log.with_name("other.log")).write_text('{"n": 0}\n')
    reader.open()
    assert reader.read() == lines(41, 90)


def test_a_log_that_was_replaced_meanwhile_is_read_from_its_beginning(
    follow: Follow, log: Path, caplog: pytest.LogCaptureFixture
) -> None:
    append(log, 1, 30)
    reader = follow(log)
    assert reader.read() == lines(1, 30)
    reader.close()
    log.write_text("")  # the same inode
    append(log, 31, 100)
    reader.open()
    assert reader.read() == lines(31, 100)
    assert "what followed byte" in caplog.text
    reader.close()
    log.unlink()
    append(log, 101, 110)
    reader.open()
    assert reader.read() == lines(101, 110)


def test_a_log_that_was_moved_to_another_inode_meanwhile_is_known(follow: Follow, log: Path) -> None:
    append(log, 1, 30)
    reader = follow(log)
    assert reader.read(most=20) == lines(1, 20)
    reader.close()
    content = log.read_bytes()
    log.unlink()
    log.write_bytes(content)
    append(log, 31, 33)
    reader.open()
    assert reader.read() == lines(21, 33)


def test_another_secret_does_not_begin_again(follow: Follow, log: Path) -> None:
    append(log, 1, 30)
    reader = follow(log)
    assert reader.read() == lines(1, 30)
    reader.open(key=b"another secret: 8nQ3vYt6Rz2Lw5Kp")
    append(log, 31, 31)
    assert reader.read() == lines(31, 31)


def test_a_damaged_packed_log_gives_what_stands_before_the_damage(
    follow: Follow, log: Path, caplog: pytest.LogCaptureFixture
) -> None:
    append(log, 1, 3000)
    whole = gzip.compress(log.read_bytes())
    log.with_name("old.gz").write_bytes(whole[: len(whole) // 2])
    reader = follow(log.with_name("old.gz"))
    content = reader.read()
    assert content[:-1] == lines(1, len(content) - 1) and len(content) > 100
    assert isinstance(content[-1], UnreadableEventError)
    assert "breaks off" in caplog.text
    reader.open()
    assert reader.read() == [], "it was read as far as it can be"


# --- what is stored ---------------------------------------------------------------------------------------


def test_a_position_holds_nothing_of_the_lines(follow: Follow, log: Path) -> None:
    log.write_text('{"user": "ada.lovelace"}\n')
    reader = follow(log)
    reader.read()
    assert "ada" not in repr(reader.position)
    other = follow(log, key=b"another secret: 8nQ3vYt6Rz2Lw5Kp")
    other.read()
    assert reader.position and other.position
    assert reader.position["logs"][0]["head"] != other.position["logs"][0]["head"]


def test_a_pipe_is_no_log(follow: Follow, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    os.mkfifo(tmp_path / "pipe")
    with caplog.at_level(logging.ERROR):
        assert follow(tmp_path / "pipe").read() == []
    assert "is a directory, pipe or device" in caplog.text
