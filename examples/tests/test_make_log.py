"""The committed log is what the generator writes, and the generator knows what it wrote."""

from __future__ import annotations

import json
import re
import sys
from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import orjson
import pytest

from services import reference_folder

EXAMPLES = Path(__file__).parents[1]
sys.path.insert(0, str(EXAMPLES))

import make_log  # noqa: E402

PREFIX = re.compile(
    rb"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} INFO 17 \[tracking\] "
    rb"\[user (\d{9}|None)\] \[ip \S+\] logger.py:41 - \{"
)
UNREADABLE = {
    "binary",
    "truncated",
    "nul_bytes",
    "json_array",
    "plain_text",
    "wrong_encoding",
    "deep_nesting",
}
UNUSABLE = {"no_name", "no_timestamp", "nonsense_timestamp"}


def written(**arguments: Any) -> tuple[list[bytes], make_log.Manifest]:
    manifest = make_log.Manifest()
    return list(make_log.generate(**arguments, manifest=manifest)), manifest


LOG, MANIFEST = written()


def read(line: bytes) -> dict[str, Any] | None:
    """Returns the object on a line, strictly."""
    try:
        event = orjson.loads(line[line.index(b"{") :])
    except ValueError:
        return None
    assert isinstance(event, dict)
    return event


def name_of(event: dict[str, Any]) -> Any:
    return event.get("name") or event.get("event_type")


def payload_of(event: dict[str, Any]) -> Any:
    payload = event["data"] if "data" in event else event["event"]
    return json.loads(payload) if isinstance(payload, str) and payload.startswith("{") else payload


def usable(event: dict[str, Any]) -> bool:
    try:
        datetime.fromisoformat(event["timestamp"] if "data" in event else event["time"])
    except (KeyError, ValueError):
        return False
    return bool(name_of(event))


def sound_events() -> list[dict[str, Any]]:
    """Returns the events of the default log, without garbage (so a few more) and without duplicates."""
    lines, _ = written(garbage=0)
    events = [read(line) for line in dict.fromkeys(lines)]
    assert None not in events
    return [event for event in events if event]


EVENTS = sound_events()


def test_the_committed_files_are_what_the_generator_writes(tmp_path: Path) -> None:
    assert (EXAMPLES / "tracking.log").read_bytes() == b"".join(LOG)
    make_log.write_tables(tmp_path, make_log.SEED, make_log.LEARNERS)
    for name in ("identities.csv", "courses.csv"):
        assert (EXAMPLES / name).read_bytes() == (tmp_path / name).read_bytes()


@pytest.mark.parametrize(
    "arguments",
    [{}, {"lines": 7_000, "seed": 5, "learners": 300, "days": 3, "garbage": 0.2}, {"garbage": 0.0}],
)
def test_the_manifest_agrees_with_an_independent_count(arguments: dict[str, Any]) -> None:
    lines, manifest = written(**arguments)
    summary, garbage = manifest.summary(), manifest.garbage
    assert len(lines) == manifest.lines == arguments.get("lines", 2600)
    assert manifest.lines == manifest.events.total() + manifest.duplicates + garbage.total()
    assert manifest.events.total() == sum(summary["events"].values()) == manifest.learners.total()

    readable = [event for line in lines if b"{" in line and (event := read(line)) is not None]
    assert len(lines) - len(readable) == sum(garbage[kind] for kind in UNREADABLE)
    good = [event for event in readable if usable(event)]
    assert len(readable) - len(good) == sum(garbage[kind] for kind in UNUSABLE)

    assert len(good) - len({orjson.dumps(event) for event in good}) == manifest.duplicates
    names = Counter(name_of(event) for event in {orjson.dumps(event): event for event in good}.values())
    planted: Counter[str] = Counter(summary["events"])
    planted["/api/discussion/v1/comments/"] += garbage["cut_payload"]
    planted["play_video"] += garbage["missing_field"]
    assert names == +planted


def test_cells_hold_what_stands_on_the_line() -> None:
    lines, manifest = written(garbage=0, lines=4000)
    actual = Counter[tuple[Any, ...]]()
    for line in dict.fromkeys(lines):
        event = orjson.loads(line[line.index(b"{") :])
        context, payload = event["context"], payload_of(event)
        inner = payload if isinstance(payload, dict) else {}
        user = context.get("user_id") or inner.get("user_id")
        questions = len(inner["submission"]) if "submission" in inner else 0
        key = (name_of(event), context["course_id"], context["org_id"], context.get("enterprise_uuid", ""))
        actual[(*key, user is not None, questions)] += 1
    planted: Counter[tuple[Any, ...]] = Counter()
    for cell, number in manifest.events.items():
        key = (cell.name, cell.course_id, cell.org_id, cell.enterprise)
        planted[(*key, cell.user, cell.questions)] += number
    assert actual == planted


def test_every_shape_occurs() -> None:
    """The forms of a tracking log, each with the number of lines that the example needs at least."""
    sources = Counter(event.get("event_source", "in-process") for event in EVENTS)
    assert sources["browser"] > 800
    assert sources["server"] > 800
    assert sources["mobile"] > 15
    assert sources["in-process"] > 10

    prefixed = sum(bool(PREFIX.match(line)) for line in LOG)
    assert 0.7 < prefixed / len(LOG) < 0.95

    checks = [event for event in EVENTS if name_of(event) == "problem_check"]
    forms = [payload for event in checks if isinstance(payload := payload_of(event), str)]
    assert all(key.startswith("input_") for form in forms for key in parse_qs(form))
    assert any("%5B%5D" in form for form in forms)
    asked = Counter(len(p["submission"]) for event in checks if isinstance(p := payload_of(event), dict))
    assert set(asked) == {1, 3}
    results = Counter(p["success"] for event in checks if isinstance(p := payload_of(event), dict))
    assert min(results["correct"], results["incorrect"]) > 20

    times = [event["time"] for event in EVENTS if "time" in event]
    assert sum(time.endswith("Z") for time in times) > 15
    assert sum(time.endswith("+00:00") for time in times) > 2000
    assert any(datetime.fromisoformat(a) > datetime.fromisoformat(b) for a, b in pairwise(times))

    contexts = [event["context"] for event in EVENTS]
    assert {context["course_id"] for context in contexts} == {course.id for course in make_log.COURSES}
    assert len({context["org_id"] for context in contexts}) == 3
    enterprises = {context.get("enterprise_uuid") for context in contexts}
    assert enterprises == {None, "", make_log.ENTERPRISE_BRINEWORKS, make_log.ENTERPRISE_ORCHARDLINE}
    assert any("user_id" in context and context["user_id"] is None for context in contexts)
    assert any("user_id" not in context for context in contexts)  # background tasks
    assert any("name" not in event for event in EVENTS)  # old browser records
    assert any(event.get("name") != event.get("event_type") for event in EVENTS if len(event) > 4)
    assert MANIFEST.duplicates > 3
    assert set(MANIFEST.garbage) == set(make_log.GARBAGE) == UNREADABLE | UNUSABLE | {"cut_payload", "missing_field"}

    events = MANIFEST.summary()["events"]
    assert events["edx.course.enrollment.deactivated"] == 1
    for kind in ("timed", "practice", "proctored"):
        assert events[f"edx.special_exam.{kind}.attempt.submitted"]


def personal_values(value: Any, key: str = "") -> Iterator[tuple[str, str]]:
    """Yields what a line holds about a person under the keys of the log format, as (kind, value)."""
    kinds = {
        "user_id": "user_id", "attempt_user_id": "user_id", "instructor_id": "user_id",
        "username": "username", "target_username": "username", "email": "email", "ip": "ip", "agent": "agent",
        "session": "session", "client_id": "client_id", "device": "device_id", "note_text": "free_text",
    }  # fmt: skip
    if isinstance(value, dict):
        if key == "device":
            yield "device_id", value["id"]
        for name, inner in value.items():
            yield from personal_values(inner, name)
    elif isinstance(value, list):
        for inner in value:
            yield from personal_values(inner, key)
    elif isinstance(value, str) and value.startswith('{"'):
        yield from personal_values(json.loads(value))
    elif key in kinds and value not in (None, ""):
        yield kinds[key], str(value)


def test_personal_values_are_complete_planted_and_distinctive() -> None:
    personal = make_log.personal()
    values_by_kind: dict[str, set[str]] = {kind: set() for kind in personal}
    for event in EVENTS:
        for kind, value in personal_values(event):
            values_by_kind[kind].add(value)
    for kind, values in values_by_kind.items():
        assert values <= personal[kind]
    text = b"".join(LOG).decode(errors="replace")
    unseen = {kind: [v for v in values if json.dumps(v)[1:-1] not in text] for kind, values in personal.items()}
    for kind in ("user_id", "username", "free_text"):
        assert not unseen[kind]
    for kind, missing in unseen.items():
        assert len(missing) <= len(personal[kind]) / 2, kind
    assert frozenset().union(*personal.values()) == make_log.PERSONAL
    assert min(len(value) for value in make_log.PERSONAL) >= 6


def test_names_and_required_fields_are_those_of_the_catalogue() -> None:
    path = reference_folder() / "events" / "catalogue.json"
    records = orjson.loads(path.read_bytes())["events"]
    catalogue = {alias: record for record in records for alias in record["aliases"]}
    catalogue |= {record["name"]: record for record in records}
    for event in EVENTS:
        name, payload = name_of(event), payload_of(event)
        if name.startswith("/"):
            continue
        fields = (field["path"] for field in catalogue[name]["payload_fields"] if field["required"])
        keys = {path.split(".")[1] for path in fields if path.startswith("data.")}
        if isinstance(payload, dict):
            assert keys <= set(payload), name
