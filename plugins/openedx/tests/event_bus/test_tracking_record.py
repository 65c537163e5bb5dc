"""Records of the event bus: read as openedx-events writes them, and nothing else counts as an event."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib.util import find_spec
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from event_bus.bus_site import enrolled, length_as_avro, line_of_event, record_of, written_as_avro
from golden_files import read_goldens
from learnrelay import UnreadableEventError
from learnrelay.assembly.assemble import Assembly, assemble_from
from learnrelay.pipeline.run import Pipeline
from learnrelay_openedx.event_bus.tracking_record import EVENT_TYPE, line_of

TIME = "2026-03-02T10:00:00+00:00"


def read(*texts: str | bytes) -> dict[str, Any]:
    """Reads the record of four texts."""
    event: dict[str, Any] = json.loads(line_of(EVENT_TYPE, written_as_avro(*texts)))
    return event


def reason_of(record: bytes | None, event_type: bytes | None = EVENT_TYPE) -> str:
    """Returns why a record is no event."""
    with pytest.raises(UnreadableEventError) as raised:
        line_of(event_type, record)
    assert "hush" not in str(raised.value)
    return raised.value.reason


@settings(max_examples=50)
@given(name=st.text(), data=st.text(), context=st.dictionaries(st.text(), st.text(), max_size=3))
def test_four_texts_are_read(name: str, data: str, context: dict[str, str]) -> None:
    event = {"name": name, "timestamp": TIME, "data": data, "context": context}
    assert json.loads(line_of(EVENT_TYPE, record_of(event))) == event


@pytest.mark.parametrize("size", [0, 63, 64, 8191, 8192, 2**20])
def test_lengths_of_one_to_four_bytes_are_read(size: int) -> None:
    assert read("a" * size, TIME, "{}", "{}")["name"] == "a" * size


def test_the_line_is_that_of_the_event() -> None:
    assert line_of(EVENT_TYPE, record_of(enrolled(1))) == line_of_event(enrolled(1))


def test_later_fields_stand_behind() -> None:
    assert read("a", TIME, "{}", "{}", "a field of a later minor version")["name"] == "a"


@given(st.binary(max_size=40))
@example(length_as_avro(-1))
@example(length_as_avro(2**62))
@example(b"\xff" * 20)
@example(written_as_avro("hush", "hush", "{}") + length_as_avro(3) + b"{}")
@example(written_as_avro(b"\xffhush", "hush", "{}", "{}"))
def test_other_bytes_are_no_record(content: bytes) -> None:
    assert reason_of(content) in ("the entry holds no record of a tracking event", "its data is no JSON")


@pytest.mark.parametrize(
    ("texts", "words"),
    [
        (("a", TIME, "hush", "{}"), "its data is no JSON"),
        (("a", TIME, "", "{}"), "its data is no JSON"),
        (("a", TIME, "[" * 100_000, "{}"), "its data is no JSON"),
        (("a", TIME, "{}", '{"hush": '), "its context is no JSON"),
        (("a", TIME, "{}", '"hush"'), "its context is no JSON object"),
        (("a", TIME, '1,"context":{"user_id":8}', "{}"), "its data is no JSON"),
        (("a", TIME, "{}", '{}} {"name":"hush"'), "its context is no JSON"),
    ],
)  # fmt: skip
def test_texts_that_are_no_json_are_no_event(texts: tuple[str, ...], words: str) -> None:
    assert reason_of(written_as_avro(*texts)) == words


def test_an_entry_of_another_type_is_no_tracking_event() -> None:
    for other in (None, b"org.openedx.learning.certificate.created.v1", EVENT_TYPE[:-1] + b"2"):
        assert "of another type than org.openedx.analytics" in reason_of(record_of(enrolled(1)), other)
    assert reason_of(None) == "the entry holds no record of a tracking event"


def test_names_and_times_reach_no_other_key() -> None:
    name = 'x","context":{"user_id":8},"y":"\n\x00\u202e'
    assert read(name, name, '{"a": 1}', '{"user_id": 7}') == {
        "name": name, "timestamp": name, "data": {"a": 1}, "context": {"user_id": 7},
    }  # fmt: skip


@pytest.fixture(scope="module")
def assembly(tmp_path_factory: pytest.TempPathFactory) -> Assembly:
    """Returns a relay with the families that are on by default, in both standards."""
    raw = {
        "platform": {"root_url": "https://learn.example.org", "source": "openedx"},
        "plugins": {"enabled": ["xapi.*", "caliper.*"]},
        "identity": {"provider": "keyed", "secret": "Kd7wq2Lmz9Xv4bTn"},
    }
    return assemble_from(raw, tmp_path_factory.mktemp("relay") / "relay.toml")


def test_events_say_the_same_as_in_the_process_that_emitted_them(assembly: Assembly) -> None:
    pipeline, source = Pipeline(assembly.plan), assembly.source
    number = 0
    for golden in (*read_goldens("xapi"), *read_goldens("caliper")):
        event = golden["event"]
        if not {"name", "data", "context", "timestamp"} <= event.keys() or type(event["timestamp"]) is not str:
            continue
        emitted = pipeline.process(source.event_from_mapping(event))
        carried = pipeline.process(source.event_from_line(line_of(EVENT_TYPE, record_of(event))))
        assert [(o.state, o.reason, [s.content for s in o.statements]) for o in carried] == [
            (o.state, o.reason, [s.content for s in o.statements]) for o in emitted
        ]
        number += sum(len(outcome.statements) for outcome in emitted)
    assert number > 400


@pytest.mark.parametrize("data", ['{"a": NaN}', '"cut \\ud83d"', "null", '"{\\"id\\": \\"play\\"}"', "[1]"])
def test_what_pythons_writer_makes_is_read(assembly: Assembly, data: str) -> None:
    record = written_as_avro("play_video", TIME, data, '{"user_id": 7}')
    event = assembly.source.event_from_line(line_of(EVENT_TYPE, record))
    assert event.name == "play_video"
    assert event.body["context"] == {"user_id": 7}


SERIALIZE = """
import json, sys
from datetime import datetime
from importlib.util import find_spec
from django.conf import settings
settings.configure()
from openedx_events.analytics.data import TrackingLogData
from openedx_events.analytics.signals import TRACKING_EVENT_EMITTED
from openedx_events.event_bus.avro.serializer import serialize_event_data_to_bytes
for event in json.load(sys.stdin):
    texts = {key: json.dumps(event[key]) for key in ("data", "context")}
    time = datetime.fromisoformat(event["timestamp"])
    data = TrackingLogData(name=event["name"], timestamp=time, **texts)
    record = serialize_event_data_to_bytes({"tracking_log": data}, TRACKING_EVENT_EMITTED)
    print(TRACKING_EVENT_EMITTED.event_type, record.hex())
"""


def test_the_serializer_of_openedx_events_writes_such_records() -> None:
    if find_spec("django") is None:  # the name of openedx-events is that of a module of our tests, too
        pytest.skip("openedx-events is not installed (--group site)")
    texts = ("", "ä💡" * 40, "x" * 9000, '"\n')
    events = [{**enrolled(number), "name": text, "data": {"text": text}} for number, text in enumerate(texts, 1)]
    done = subprocess.run(
        [sys.executable, "-c", SERIALIZE], input=json.dumps(events), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    for line, event in zip(done.stdout.splitlines(), events, strict=True):
        event_type, record = line.split()
        assert bytes.fromhex(record) == record_of(event)
        assert json.loads(line_of(event_type.encode(), bytes.fromhex(record))) == event


def test_lengths_are_written_as_avro_writes_them() -> None:
    assert [length_as_avro(number) for number in (0, -1, 1, -2, 64)] == [b"\0", b"\1", b"\2", b"\3", b"\x80\1"]
