"""Chunks of a log: together they are the log, whatever is in it and wherever they are cut."""

from __future__ import annotations

import gzip
import io
from pathlib import Path

import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from learnrelay.reading.lines import DamagedLogError, LineReader, open_log, read_lines

CONTENT = st.lists(st.binary(max_size=60).map(lambda line: line.replace(b"\n", b" ")), max_size=30).map(b"\n".join)


def chunk(content: bytes, number: int, size: int) -> list[bytes | None]:
    """Returns the lines of a chunk, read by itself as a worker does."""
    start = number * size
    stream = io.BufferedReader(io.BytesIO(content))
    stream.seek(max(0, start - 1))
    reader = LineReader(stream, max(0, start - 1), longest=25)
    if start:
        reader.skip_line(start + size)
    return [line for block in reader.blocks(start + size) for line in block]


@given(content=CONTENT, end=st.sampled_from([b"", b"\n"]), size=st.integers(1, 90))
@settings(max_examples=400, deadline=None)
def test_chunks_read_alone_or_in_a_row_are_the_whole(content: bytes, end: bytes, size: int) -> None:
    content += end
    lines = content.split(b"\n")
    expected = [line if len(line) <= 25 else None for line in (lines if lines[-1] else lines[:-1])]
    number = range(len(content) // size + 1)
    assert [line for n in number for line in chunk(content, n, size)] == expected
    reader = LineReader(io.BufferedReader(io.BytesIO(content)), longest=25)
    in_a_row = [[line for block in reader.blocks((n + 1) * size) for line in block] for n in number]
    assert in_a_row == [chunk(content, n, size) for n in number]


LINES = b"".join(b"line %d\n" % number for number in range(50_000))
PACKED = {
    "gzip": gzip.compress(LINES[:300_000]) + gzip.compress(LINES[300_000:]),
    "zstd": zstandard.compress(LINES[:300_000]) + zstandard.compress(LINES[300_000:]),
    "pzstd": b"\x50\x2a\x4d\x18\x04\x00\x00\x00size" + zstandard.compress(LINES),
    "plain": LINES,
}


@pytest.mark.parametrize("packed", PACKED)
def test_packed_logs_are_recognised_by_their_first_bytes(packed: str, tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_bytes(PACKED[packed])
    with open_log(str(path)) as stream:
        assert b"".join(line.content + b"\n" for line in read_lines(stream, "log")) == LINES


@pytest.mark.parametrize("packed", ["gzip", "zstd"])
@pytest.mark.parametrize("damage", ["cut short", "bytes changed"])
def test_a_damaged_log_gives_what_was_before_the_damage(packed: str, damage: str, tmp_path: Path) -> None:
    content = PACKED[packed]
    middle = len(content) * 3 // 4
    (tmp_path / "log").write_bytes(
        content[:middle] if damage == "cut short" else content[:middle] + bytes(64) + content[middle + 64 :]
    )
    with open_log(str(tmp_path / "log")) as stream:
        reader = LineReader(stream)
        lines: list[bytes | None] = []
        with pytest.raises(DamagedLogError, match="breaks off or is damaged here"):
            for block in reader.blocks():
                lines += block
    sound = len(lines) if damage == "cut short" else 20_000  # changed bytes unpack to nonsense until they are noticed
    assert len(lines) > 20_000
    assert lines[:sound] == LINES.splitlines()[:sound]
