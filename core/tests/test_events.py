"""Both shapes of an event become one, with one id."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from time import process_time
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from learnrelay import Fields, MissingFieldError, UnreadableEventError, required
from learnrelay.errors import GluedEventsError
from learnrelay.fields import compile_extractor
from learnrelay.kinds import text
from learnrelay_openedx.source import OpenedxSource
from openedx_events import SOURCE, event_from_line, event_from_mapping
from services import reference_folder

IN_PROCESS: dict[str, Any] = {
    "name": "watched",
    "data": {"id": "v1", "position": 1.5},
    "timestamp": "2026-03-02T09:00:00.250000+00:00",
    "context": {"user_id": 4711, "course_id": "course-v1:Harbour+SAIL+2026", "username": "ada_l", "session": "ab12",
                "ip": "192.0.2.7", "agent": "Firefox", "path": "/event", "event_source": "browser"},
}  # fmt: skip


def as_log(raw: dict[str, Any], *, text: bool) -> dict[str, Any]:
    """Writes an event for the log as the platform's shim does."""
    context = dict(raw["context"])
    hoisted = {key: context.pop(key) for key in SOURCE.shape.context_at_root if key in context}
    return {
        "name": raw["name"],
        "event_type": raw["name"],
        "event": json.dumps(raw["data"]) if text else raw["data"],
        "time": raw["timestamp"],
        "context": context,
        "page": None,
        "referer": "",
        **hoisted,
    }


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**80), 2**80)
    | st.floats()  # not a number and infinite too, which the platform's logger writes
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@given(data=st.dictionaries(st.text(min_size=1), json_values, min_size=1), as_text=st.booleans())
def test_live_and_log_are_the_same_event(data: dict[str, Any], as_text: bool) -> None:
    raw = {**IN_PROCESS, "data": json.loads(json.dumps(data))}
    live = event_from_mapping(raw)
    log = event_from_line(json.dumps(as_log(raw, text=as_text)).encode())
    assert live.id == log.id
    assert live.body["data"] == log.body["data"]
    assert {k: v for k, v in log.body["context"].items() if v} == live.body["context"]
    assert str(UUID(live.id)) == live.id


@pytest.mark.parametrize("name", ["watched", "", None, 7, "/path", ["watched"], "0"])
@pytest.mark.parametrize("event_type", ["watched.old", "", None, 7])
def test_the_name_is_known_before_an_event_is_read(name: Any, event_type: Any) -> None:
    raw = {**IN_PROCESS, "name": name, "event_type": event_type}
    peeked = SOURCE.peek_name(raw)
    assert raw == {**IN_PROCESS, "name": name, "event_type": event_type}
    if peeked is None:
        with pytest.raises(UnreadableEventError):
            event_from_mapping(raw)
    else:
        assert event_from_mapping(raw).name == peeked


def test_the_id_is_of_the_event_not_of_its_spelling() -> None:
    reference = event_from_mapping(IN_PROCESS).id
    at = datetime(2026, 3, 2, 10, 0, 0, 250000, tzinfo=timezone(timedelta(hours=1)))
    for timestamp in (
        "2026-03-02T09:00:00.25Z",
        "2026-03-02 09:00:00.250",
        at,
        at.astimezone(UTC).replace(tzinfo=None),
    ):
        assert event_from_mapping({**IN_PROCESS, "timestamp": timestamp}).id == reference
    for change in ({"name": "other"}, {"data": {"id": "v2"}}, {"timestamp": "2026-03-02T09:00:00.251Z"}):
        assert event_from_mapping({**IN_PROCESS, **change}).id != reference


def test_the_id_is_keyed() -> None:
    """User ids are few: a plain digest of an event would tell who tries them out whose event it is."""
    first, second = OpenedxSource(), OpenedxSource()
    assert first.event_from_mapping(IN_PROCESS).id == second.event_from_mapping(IN_PROCESS).id, "the key of this run"
    first.reader.id_key, second.reader.id_key = b"k1", b"k2"
    assert first.event_from_mapping(IN_PROCESS).id != second.event_from_mapping(IN_PROCESS).id
    second.reader.id_key = b"k1"
    assert first.event_from_mapping(IN_PROCESS).id == second.event_from_mapping(IN_PROCESS).id
    script = "from openedx_events import *; print(event_from_mapping({'name': 'n', 'timestamp': '2026-03-02'}).id)"
    runs = {subprocess.check_output([sys.executable, "-c", script], cwd=Path(__file__).parent) for _ in range(2)}
    assert len(runs) == 2, "without a secret each run has a key of its own"


@pytest.mark.parametrize("prefix", [
    b"", b"\xef\xbb\xbf", b"2026-03-02 09:00:00,250 INFO 17 [tracking] [user 4711] [ip 192.0.2.7] logger.py:41 - ",
    b"Mar  2 09:00:00 host [service_variant=lms][tracking] INFO - ",
])  # fmt: skip
def test_a_prefix_before_the_object(prefix: bytes) -> None:
    content = json.dumps(as_log(IN_PROCESS, text=True)).encode()
    assert event_from_line(prefix + content + b"\r\n").id == event_from_mapping(IN_PROCESS).id


def test_name_payload_and_time_where_they_differ() -> None:
    event = event_from_line(b'{"event_type": "old", "event": "input_x_2_1=choice", "time": "t", "username": "ada_l"}')
    context = event.body.pop("context")
    assert event.body == {"name": "old", "data": "input_x_2_1=choice", "timestamp": "t"}
    assert {key: value for key, value in context.items() if value is not None} == {"username": "ada_l"}
    event = event_from_line(b'{"name": "new", "event_type": "old", "event": "", "context": {"ip": "1"}, "ip": "2"}')
    assert (event.name, event.body["data"], event.body["context"]["ip"]) == ("new", None, "1")
    assert event_from_line(b'{"name": "n", "event": "{\\"cut"}').body["data"] == '{"cut'
    assert event_from_line(b'{"name": "n", "event": "\\"input_x_2_1=a\\""}').body["data"] == "input_x_2_1=a"
    assert event_from_line(b'{"name": "first", "name": "last"}').name == "last"


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"", "blank line"),
        (b"  \r\n", "blank line"),
        (b"Traceback (most recent call last):", "no JSON object"),
        (b"\x00\x01\xff\xfe", "no JSON object"),
        (b'{"name": "watch', "cut off: the line ends within its event"),
        (b'{"name": "watched", "data": {"a": 1}', "cut off: the line ends within its event"),
        (b'{"name": "wat{"name": "watched", "data": {"a": {}}}', "cut off: another event begins in the same line"),
        (b'{"name": "w\x00atched"}', "not valid JSON"),
        (b'{"name": "caf\xe9"}', "not valid JSON"),
        (b'{"name": "watched"} and more', "not valid JSON"),
        (b'[{"name": "watched"}]', "JSON array"),
        (b'{"event": {}}', "no event name"),
        (b'{"name": ["watched"]}', "no event name"),
        (b'{"name": "watched"} }', "not valid JSON"),
        (b'{"a":' * 5000 + b"1" + b"}" * 5000, "not valid JSON"),
    ],
)
def test_garbage_is_refused_with_its_reason(line: bytes, reason: str) -> None:
    with pytest.raises(UnreadableEventError, match=reason) as caught:
        event_from_line(line)
    assert "watch" not in str(caught.value)


def test_in_process_values_become_what_the_log_would_hold() -> None:
    given_ = {
        **IN_PROCESS,
        "data": {"at": datetime(2026, 1, 1, tzinfo=UTC), "key": UUID(int=5), "set": {"a"}, 3: (1, 2)},
    }
    event = event_from_mapping(given_)
    assert event.body["data"] == {
        "at": "2026-01-01T00:00:00+00:00", "key": str(UUID(int=5)), "set": ["a"], "3": [1, 2],
    }  # fmt: skip
    event.body["data"]["key"] = "changed"
    assert given_["data"]["key"] == UUID(int=5)
    assert "ada_l" not in repr(event)
    nested: dict[str, Any] = {"name": "watched"}
    nested["data"] = nested
    with pytest.raises(UnreadableEventError, match="cannot be written as JSON"):
        event_from_mapping(nested)


def test_reference_log_lines_equal_their_in_process_forms() -> None:
    events = reference_folder() / "events"
    raw = {}
    for file in sorted(events.glob("raw/*.json")):
        content = json.loads(file.read_bytes())
        if isinstance(content, dict) and "name" in content:
            raw[event_from_mapping(content).id] = file.stem
    lines = (events / "tracking_log_sample.jsonl").read_bytes().splitlines()
    matched = [raw.get(event_from_line(line).id) for line in lines]
    assert sum(name is not None for name in matched) >= 7, matched


@pytest.mark.parametrize("place", ["timestamp", "course_id", "user_id"])
def test_every_event_has_an_id_whatever_is_in_it(place: str) -> None:
    raw = {**IN_PROCESS, "context": dict(IN_PROCESS["context"])}
    (raw if place == "timestamp" else raw["context"])[place] = "@@"
    line = json.dumps(raw).replace('"@@"', "[" * 1000 + "]" * 1000)
    assert UUID(event_from_line(line.encode()).id)


@pytest.mark.parametrize(
    "line",
    [
        b'{"name": NaN', b'{"name": "x", NaN: 1}', b'{"name": "x" "NaN"}', b'{"name": "x", "a": 1e999, "b": NaN}',
        b'{"name": "x", "a": "\\ud83d"', b'{"name": "x", "a": "\\ud83g"}',
    ],
)  # fmt: skip
def test_what_python_alone_writes_makes_no_json_of_what_is_none(line: bytes) -> None:
    with pytest.raises(UnreadableEventError, match="not valid JSON"):
        event_from_line(line)


@pytest.mark.parametrize(
    ("title", "expected"),
    [
        ("Reef \ud83c", "Reef \ufffd"),
        ("\udf0a Reef", "\ufffd Reef"),
        ("\ud83c Reef \U0001f30a", "\ufffd Reef \U0001f30a"),
        (r"C:\ud83c", r"C:\ud83c"),
    ],
)
@pytest.mark.parametrize("as_text", [False, True])
def test_half_a_character_is_read_as_the_replacement_character(title: str, expected: str, as_text: bool) -> None:
    raw = {**IN_PROCESS, "data": {"title": title, title: 1, "score": 2**70}}
    log = event_from_line(json.dumps(as_log(raw, text=as_text)).encode())
    assert log.body["data"] == {"title": expected, expected: 1, "score": float(2**70)}
    assert event_from_mapping(raw).id == log.id


EVENT = json.dumps(as_log(IN_PROCESS, text=True)).encode()
PREFIX = b"2026-03-02 09:00:00,250 INFO 17 [tracking] logger.py:41 - "


@pytest.mark.parametrize("prefix", [b"", PREFIX])
@pytest.mark.parametrize(
    "events",
    [
        [EVENT, EVENT],
        [EVENT, EVENT.replace(b"watched", b"paused"), EVENT],
        [EVENT, EVENT[:60]],
        [EVENT, b'{"name": "x", "a": NaN, "b": "}{\\ud83c"}'],
        [b"{}", b"{"],
    ],
)
def test_events_that_are_glued_together_in_one_line_are_taken_apart(events: list[bytes], prefix: bytes) -> None:
    with pytest.raises(GluedEventsError) as glued:
        event_from_line(b"".join(prefix + event for event in events) + b"\r")
    assert [line.rstrip() for line in glued.value.lines] == events
    assert re.fullmatch("(two|several) events glued together in one line", glued.value.reason)


def test_a_line_of_very_many_events_takes_no_time() -> None:
    start = process_time()
    for line in (b"{}" * 2**18, b'{"a":{' * 2**16, b'{"a' * 2**18, b'"{"' + b'\\{"' * 2**17):
        with pytest.raises(UnreadableEventError):
            event_from_line(line)
    assert process_time() - start < 5


class TitleFields(Fields):
    title = required("data.title", kind=text)


@pytest.mark.parametrize(
    ("payload", "why"),
    [
        ('{"title": "Re', "; the payload is JSON that is cut off"),
        ('[{"title": 1}', "; the payload is JSON that is cut off"),
        ('{"title" 1}', "; the payload is no valid JSON"),
        ("input_reef_2_1=a", ""),
        ("", ""),
        ('{"title": ""}', ""),
    ],
)
def test_a_payload_that_was_cut_off_is_named_as_that(payload: str, why: str) -> None:
    event = event_from_line(json.dumps({"name": "n", "event": payload}).encode())
    with pytest.raises(MissingFieldError) as missing:
        compile_extractor(TitleFields)(event.body)
    assert (missing.value.path, missing.value.reason) == ("data.title", f"required field is missing or empty{why}")


def test_times_that_are_numbers_tell_events_apart() -> None:
    ids = {event_from_mapping({**IN_PROCESS, "timestamp": seconds}).id for seconds in (1_772_445_600, 1_772_445_601)}
    assert len(ids) == 2
    assert event_from_mapping({**IN_PROCESS, "timestamp": "1772445600"}).id in ids, "seconds as text are the same"


class EnvelopeSource(OpenedxSource):
    """Takes events out of envelopes."""

    def bring_into_shape(self, raw: dict[str, Any]) -> dict[str, Any]:
        event: dict[str, Any] = raw.pop("envelope", raw)
        return event


def test_a_source_brings_lines_and_objects_into_its_shape() -> None:
    source, raw = EnvelopeSource(), {"envelope": IN_PROCESS}
    events = [source.event_from_line(json.dumps(raw).encode()), source.event_from_mapping(raw)]
    events.append(source.event_from_mapping(IN_PROCESS))
    assert [event.body for event in events] == [IN_PROCESS] * 3
    assert len({event.id for event in events}) == 1
    assert raw == {"envelope": IN_PROCESS}, "the caller's own is not changed"
