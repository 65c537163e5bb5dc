"""The bodies that clients post: which events they hold, and of which nothing can be kept."""

from __future__ import annotations

import gzip
from typing import Any

import orjson
import pytest

from learnrelay import UnreadableEventError
from learnrelay_serve.bodies import BodyError, split_events, unpack

LINE = '{"event_type": "play_video", "n": 1}'


def read(content: bytes) -> list[tuple[int, Any]]:
    return [
        (number, "unreadable" if isinstance(event, UnreadableEventError) else event.decode())
        for number, event in split_events(content)
    ]


def test_lines_are_numbered_as_in_the_body() -> None:
    body = f"{LINE}\n\n \r\nno event\n{LINE}".encode()
    assert read(body) == [(1, LINE), (4, "no event"), (5, LINE)]


def test_the_items_of_an_array() -> None:
    items = [{"n": 1}, 3, None, ["x"], {"n": 2}]
    assert read(orjson.dumps(items)) == [
        (1, '{"n":1}'), (2, "unreadable"), (3, "unreadable"), (4, "unreadable"), (5, '{"n":2}'),
    ]  # fmt: skip


@pytest.mark.parametrize("as_lines", [False, True])
@pytest.mark.parametrize(
    "wrapped",
    [
        {"message": LINE, "source_type": "file", "host": "lms-1", "timestamp": "2026-03-02T09:00:00Z"},
        {"date": 1767342000.25, "log": LINE},
        {"log": LINE},
        {"@timestamp": "2026-03-02T09:00:00.250000Z", "log": LINE},
    ],
    ids=["vector", "fluent-bit", "fluent-bit-without-date", "fluent-bit-with-another-date"],
)
def test_lines_that_a_shipper_has_wrapped(wrapped: dict[str, Any], as_lines: bool) -> None:
    body = orjson.dumps(wrapped) + b"\n" if as_lines else orjson.dumps([wrapped])
    assert read(body) == [(1, LINE)]


@pytest.mark.parametrize(
    "event",
    [{"event_type": "x", "message": "a { in a text", "log": "no { line"}, {"event_type": "x", "log": "no { line"}],
)
def test_an_event_with_such_a_key_is_no_wrapped_line(event: dict[str, Any]) -> None:
    assert read(orjson.dumps([event])) == [(1, orjson.dumps(event).decode())]
    assert read(orjson.dumps(event) * 2) == [(1, orjson.dumps(event).decode() * 2)]


def test_records_of_fluent_bit_without_anything_between_them() -> None:
    records = [{"date": number, "log": LINE} for number in (1.5, 2.5)]
    stream = b"".join(orjson.dumps(record) for record in records)
    assert read(stream) == [(1, LINE), (2, LINE)]
    assert read(stream + b"\n") == [(1, LINE), (2, LINE)]
    assert read(stream[:-5]) == [(1, stream[:-5].decode())], "cut: it is refused as a line"
    deep = b'{"date":1,"log":"{}"}{"log":' + b"[" * 100_000
    assert read(deep) == [(1, deep.decode())]


def test_packed_bodies() -> None:
    packed = gzip.compress(b"one\n") + gzip.compress(b"two\n")
    assert unpack(packed, "gzip", 100) == b"one\ntwo\n"
    assert unpack(b"plain", "", 100) == b"plain"


@pytest.mark.parametrize(
    ("body", "encoding", "status"),
    [
        (gzip.compress(b"x" * 10**7), "gzip", 413),
        (gzip.compress(b"x" * 5000)[:-12], "gzip", 400),
        (b"no gzip", "gzip", 400),
        (b"x", "br", 415),
    ],
    ids=["bomb", "cut", "damaged", "unknown"],
)
def test_packed_bodies_that_are_refused(body: bytes, encoding: str, status: int) -> None:
    with pytest.raises(BodyError) as caught:
        unpack(body, encoding, 10_000)
    assert caught.value.status == status


def test_an_array_that_is_none_is_refused_as_a_whole() -> None:
    with pytest.raises(BodyError) as caught:
        split_events(b'[{"n": 1}, {"secret": "hus')
    assert caught.value.status == 400 and "hus" not in caught.value.reason
