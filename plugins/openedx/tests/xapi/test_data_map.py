"""The data map against the outputs: whatever is altered in a real event changes only what the map lists."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from learnrelay.assembly.assemble import Assembly, assemble_from
from learnrelay.pipeline.run import Pipeline
from learnrelay.privacy.data_map import derive_data_map
from learnrelay.privacy.tracing import Leaves, leaves_of
from openedx_events import event_from_mapping
from services import reference_folder

EVENTS = [
    "pause_video", "speed_change_video", "problem_check", "edx.ui.lms.sequence.next_selected",
    "edx.course.enrollment.activated", "edx.forum.response.created", "edx.grades.problem.submitted",
    "edx.special_exam.timed.attempt.submitted",
]  # fmt: skip
OTHER_VALUES = [
    "zz", 7, 0.5, None, [], {}, True, "course-v1:Q+W+E", "2031-01-02T03:04:05Z", "https://q.example/a", "browser",
    "block-v1:Q+W+E+type@problem+block@x",
]  # fmt: skip


@pytest.fixture(scope="module")
def assembly() -> Assembly:
    return assemble_from(
        {
            "platform": {"root_url": "https://learn.example.org"},
            "plugins": {"enabled": ["xapi.*"]},
            "identity": {"provider": "keyed", "secret": "Kd7wq2Lmz9Xv4bTn"},
        },
        Path("relay.toml"),
    )


def leaves_from(pipeline: Pipeline, body: dict[str, Any]) -> Leaves | None:
    (outcome,) = pipeline.process(event_from_mapping(body))
    return leaves_of(outcome.statements) if outcome.statements else None


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    for key, inner in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        yield (*path, key)
        yield from places(inner, (*path, key))


def altered(body: dict[str, Any], path: tuple[Any, ...], value: Any) -> dict[str, Any]:
    body = copy.deepcopy(body)
    inner: Any = body
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = value
    return body


def concerns(source: str, path: str) -> bool:
    """Tells whether a path of the map is the altered one, lies in it, or is read with all that lies below."""
    form = re.escape(source).replace(r"\*", "[^.]+")
    return re.match(rf"{form}(\.|\Z)", path) is not None or source.startswith(path + ".")


@pytest.mark.parametrize("name", EVENTS)
def test_nothing_changes_that_the_map_does_not_list(name: str, assembly: Assembly) -> None:
    listed: dict[str, set[str]] = {}
    for row in derive_data_map(assembly, [name]):
        if row.form is not None:
            listed.setdefault(row.source, set()).add(row.output)
    pipeline = Pipeline(assembly.plan)
    raw_events = reference_folder() / "events" / "raw"
    files = [*raw_events.glob(f"{name}.json"), *raw_events.glob(f"{name}.*.json")]
    compared = 0
    for file in files:
        raw = json.loads(file.read_text(encoding="utf-8"))
        body = event_from_mapping(raw).body
        if body["name"] != name or (before := leaves_from(pipeline, body)) is None:
            continue
        for place in places({key: body[key] for key in ("data", "context", "timestamp")}):
            path = ".".join(map(str, place))
            may_change = set().union(*(outputs for source, outputs in listed.items() if concerns(source, path)))
            for value in OTHER_VALUES if place not in (("data",), ("context",)) else ():
                after = leaves_from(pipeline, altered(body, place, value))
                if after is None:
                    continue
                compared += 1
                changed = {
                    output for output in before.keys() | after.keys()
                    if set(map(str, before.get(output, []))) != set(map(str, after.get(output, [])))
                }  # fmt: skip
                assert changed <= may_change, (file.name, path, value, changed - may_change)
    assert compared > 100
