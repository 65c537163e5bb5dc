"""The spool: what emit() stored in it is taken into the database once, whoever is killed, frozen or full meanwhile."""

from __future__ import annotations

import os
import resource
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from learnrelay.config.secrets import Secret
from learnrelay.errors import OutboxError, OutboxFullError
from learnrelay.outbox import Outbox, OutgoingStatement
from learnrelay.outbox.queue import DEFERRED
from learnrelay.outbox.spool import SpoolRecord
from learnrelay.outbox.store import utc

from .conftest import TurnedClock, statements

OpenOutbox = Callable[..., Outbox]


@pytest.fixture
def outbox(open_outbox: OpenOutbox, tmp_path: Path) -> Outbox:
    return open_outbox(spool=tmp_path / "spool")


def spool(outbox: Outbox, first: int, last: int) -> None:
    """Appends as many emits of one statement each, for two destinations."""
    for number in range(first, last + 1):
        outbox.spool.append(SpoolRecord(statements(number, number, "a", "b")))


def payloads(outbox: Outbox) -> list[bytes]:
    with outbox.database.transaction(write=False) as transaction:
        return [bytes(row[0]) for row in transaction.execute("SELECT payload FROM learnrelay_statement ORDER BY key")]


def expected(first: int, last: int) -> list[bytes]:
    return [statement.payload for statement in statements(first, last)]


def test_a_record_comes_back_as_it_went() -> None:
    rows = [
        OutgoingStatement("xapi", "1", "video.played", b"\n\x00\xff", ("a", "b"), True, utc(1_700_000_000.123456)),
        OutgoingStatement("", "2", "", b"", (DEFERRED,)),
        OutgoingStatement("x", "3", "é\n", b"{}", ()),
    ]
    record = SpoolRecord(rows, {"full": 3})
    assert SpoolRecord.decode(record.encode()) == record


def test_a_segment_is_taken_while_it_grows_and_removed_when_it_is_complete(outbox: Outbox, tmp_path: Path) -> None:
    spool(outbox, 1, 3)
    assert outbox.read_spool_status().segments == 1 and not outbox.is_idle([])
    assert outbox.take_in() == {"a": 3, "b": 3}
    assert outbox.take_in() == {}
    assert outbox.read_spool_status().segments == 0 and outbox.is_idle([])
    spool(outbox, 4, 5)
    assert outbox.take_in() == {"a": 2, "b": 2}
    (segment,) = (tmp_path / "spool").iterdir()
    assert segment.stat().st_mode & 0o777 == 0o600
    assert segment.parent.stat().st_mode & 0o777 == 0o700
    outbox.spool.close()
    assert outbox.take_in() == {}
    assert list((tmp_path / "spool").iterdir()) == []
    assert payloads(outbox) == expected(1, 5)
    status = outbox.status()
    assert (status["a"].accepted, status["b"].waiting, status["a"].duplicates) == (5, 5, 0)


def test_what_was_taken_in_of_a_growing_segment_can_be_erased(outbox: Outbox, tmp_path: Path) -> None:
    spool(outbox, 1, 3)
    outbox.take_in()
    spool(outbox, 4, 4)
    outbox.erase_taken_spool()
    (segment,) = (tmp_path / "spool").iterdir()
    assert not any(payload in segment.read_bytes() for payload in expected(1, 3))
    outbox.spool.close()
    assert outbox.take_in() == {"a": 1, "b": 1}
    assert payloads(outbox) == expected(1, 4)


def test_a_last_record_that_is_damaged_is_kept_and_shown(outbox: Outbox, tmp_path: Path) -> None:
    spool(outbox, 1, 2)
    outbox.spool.close()
    (segment,) = (tmp_path / "spool").iterdir()
    content = bytearray(segment.read_bytes())
    content[-3] ^= 1
    segment.write_bytes(content)
    outbox.take_in()
    assert payloads(outbox) == expected(1, 1)
    assert outbox.read_spool_status().damaged == 1


def test_a_full_disk_leaves_no_files(outbox: Outbox, tmp_path: Path) -> None:
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    spool(outbox, 1, 1)
    resource.setrlimit(resource.RLIMIT_FSIZE, ((tmp_path / "spool").stat().st_size // 10**6 + 1, limits[1]))
    try:
        for _ in range(20):
            with pytest.raises(OutboxError):
                spool(outbox, 2, 2)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert len(list((tmp_path / "spool").iterdir())) <= 2


def test_a_record_that_was_being_written_when_its_process_was_killed(outbox: Outbox, tmp_path: Path) -> None:
    spool(outbox, 1, 3)
    outbox.spool.close()
    (segment,) = (tmp_path / "spool").iterdir()
    whole = segment.read_bytes()
    segment.unlink()
    for cut in range(1, len(whole) // 3, 7):
        segment = segment.with_name(f"{cut:020}-1-x.segment")
        segment.write_bytes(whole[:-cut])
        assert outbox.take_in() == {"a": 2, "b": 2}
        assert payloads(outbox) == expected(1, 2)
        assert not segment.exists()
    segment.with_name("zeros-1-x.segment").write_bytes(whole + bytes(100))  # a file system after a power cut
    outbox.take_in()
    assert payloads(outbox) == expected(1, 3)
    assert list(segment.parent.iterdir()) == []


def test_a_damaged_disk_removes_nothing(outbox: Outbox, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    spool(outbox, 1, 3)
    outbox.spool.close()
    (segment,) = (tmp_path / "spool").iterdir()
    content = bytearray(segment.read_bytes())
    content[len(content) // 2] ^= 1
    segment.write_bytes(content)
    outbox.take_in()
    assert payloads(outbox) == expected(1, 1)
    assert [path.suffix for path in segment.parent.iterdir()] == [".damaged"]
    assert "is damaged at byte" in caplog.text


def test_a_segment_that_two_readers_have_open_is_taken_once(outbox: Outbox, open_outbox: OpenOutbox) -> None:
    other = open_outbox(spool=outbox.spool.folder)
    spool(outbox, 1, 3)
    outbox.spool.close()
    (path,) = outbox.spool.list_segments()
    with other.spool.open_segment(path) as segment:
        assert segment is not None and segment.is_complete
        assert outbox.take_in() == {"a": 3, "b": 3}  # the lock is the other's, so it stays
        assert path.exists()
    with other.spool.open_segment(path) as segment:
        assert segment is not None
        os.link(path, kept := path.with_suffix(".kept"))
        path.unlink()
        kept.unlink()
        other._spool_reader._take_chunk(segment, arrivals := other.take_in())
        assert not arrivals
    assert payloads(outbox) == expected(1, 3)


def test_a_segment_put_back_from_a_backup_is_not_taken_again(outbox: Outbox, tmp_path: Path) -> None:
    spool(outbox, 1, 3)
    outbox.spool.close()
    assert outbox.spool.copy_to(tmp_path / "copy") == 1
    outbox.take_in()
    shutil.copytree(tmp_path / "copy", outbox.spool.folder, dirs_exist_ok=True)
    assert outbox.take_in() == {}
    assert payloads(outbox) == expected(1, 3)


def test_the_spool_is_bounded(open_outbox: OpenOutbox, tmp_path: Path) -> None:
    outbox = open_outbox(spool=tmp_path / "spool", spool_limit=2000)
    with pytest.raises(OutboxFullError, match=r"delivery\.spool_limit"):
        spool(outbox, 1, 99)
    stored = len(outbox.take_in() and payloads(outbox))
    assert payloads(outbox) == expected(1, stored) and stored > 5
    assert sum(path.stat().st_size for path in outbox.spool.list_segments()) <= 2000
    outbox.spool.close()
    outbox.take_in()
    spool(outbox, 100, 101)
    assert outbox.take_in() == {"a": 2, "b": 2}


def test_room_is_seen_at_once_however_long_it_takes_to_measure(
    open_outbox: OpenOutbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    outbox = open_outbox(spool=tmp_path / "spool", spool_limit=2000)
    list_segments = outbox.spool.list_segments

    def list_slowly() -> list[Path]:
        time.sleep(0.1)
        return list_segments()

    monkeypatch.setattr(outbox.spool, "list_segments", list_slowly)
    with pytest.raises(OutboxFullError):
        spool(outbox, 1, 99)
    outbox.spool.close()
    outbox.take_in()
    spool(outbox, 100, 101)


def test_the_limit_of_the_outbox_holds(open_outbox: OpenOutbox, tmp_path: Path) -> None:
    outbox = open_outbox(spool=tmp_path / "spool", limit=7)
    spool(outbox, 1, 6)
    outbox.spool.close()
    assert outbox.take_in() == {"a": 3, "b": 3}
    assert outbox.read_spool_status().segments == 1
    assert outbox.abandon("b") == 3
    assert outbox.take_in() == {"a": 2, "b": 2}
    outbox.abandon("b")
    assert outbox.take_in() == {"a": 1, "b": 1}
    assert payloads(outbox) == expected(1, 6)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_after_a_write_that_failed_what_is_acknowledged_is_still_read(outbox: Outbox, tmp_path: Path) -> None:
    spool(outbox, 1, 2)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (outbox.spool.list_segments()[0].stat().st_size + 20, limits[1]))
    try:
        with pytest.raises(OutboxError, match="File too large"):
            spool(outbox, 3, 3)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    spool(outbox, 4, 5)
    outbox.spool.close()
    outbox.take_in()
    assert payloads(outbox) == [*expected(1, 2), *expected(4, 5)]
    assert list((tmp_path / "spool").iterdir()) == []


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_forked_child_has_a_segment_of_its_own(outbox: Outbox, tmp_path: Path) -> None:
    spool(outbox, 1, 2)
    ready, go = os.pipe(), os.pipe()
    child = os.fork()
    if child == 0:
        try:
            spool(outbox, 3, 4)
            os.write(ready[1], b"x")
            os.read(go[0], 1)
            os._exit(0)
        finally:
            os._exit(1)
    os.read(ready[0], 1)
    spool(outbox, 5, 6)
    first, second = sorted((tmp_path / "spool").iterdir())
    assert (f"-{os.getpid()}-" in first.name, f"-{child}-" in second.name) == (True, True)
    outbox.spool.close()  # the child lives, but this segment is not its
    outbox.take_in()
    assert not first.exists() and second.exists()
    os.write(go[1], b"x")
    assert os.waitpid(child, 0)[1] == 0
    outbox.take_in()
    assert not second.exists()
    assert sorted(payloads(outbox)) == expected(1, 6)


def test_segments_are_completed_by_age(
    outbox: Outbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, clock: TurnedClock
) -> None:
    spool(outbox, 1, 1)
    before = time.monotonic()
    monkeypatch.setattr("learnrelay.outbox.spool.time.monotonic", lambda: before + 61)
    spool(outbox, 2, 2)
    assert len(outbox.spool.list_segments()) == 2
    outbox.take_in()
    assert len(outbox.spool.list_segments()) == 1


def test_events_that_were_not_stored_are_counted_from_the_spool_too(outbox: Outbox, database_url: Secret) -> None:
    outbox.spool.append(SpoolRecord(refused={"the outbox is full": 3}))
    outbox.spool.append(SpoolRecord(refused={"the outbox is full": 2}))
    outbox.take_in()
    assert outbox.read_refusals()["the outbox is full"][0] == 5
