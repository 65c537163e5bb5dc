"""Nothing is composed that nobody asked for: options narrow the plan, and routes are decided before mappings run."""

from __future__ import annotations

import json
import os
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from command_server import run_command
from learnrelay import Parts, Platform
from learnrelay.config.models import Destination
from learnrelay.pipeline.outcome_counts import OutcomeCounts
from learnrelay.pipeline.routing import DestinationRules
from learnrelay.pipeline.run import NOT_ROUTED, OutcomeState, Pipeline
from openedx_events import event_from_mapping
from plain import WatchFields, event, plan_of, registry_of
from relay_files import relay_toml
from single_files import ROWS, raw_event

LINES = ROWS.replace('name = "rows"', 'name = "lines"').replace("Rows", "Lines")
COUNTED = '''
import os
from pathlib import Path

from learnrelay import Family, Fields, required

family = Family("STANDARD.polls")


class Answer(Fields):
    question = required("data.question")


@family.maps("poll.answered", "poll.opened", reads=Answer)
def answered(answer, platform):
    """Notes each call in a file."""
    with Path(os.environ["CALLS"]).open("a") as file:
        file.write(f"STANDARD {answer.question}\\n")
    return {"question": answer.question}
'''
COURSES = "course-v1:Harbour+A+1", "course-v1:Harbour+B+1"


def called(directory: Path, *arguments: object) -> Counter[str]:
    """Runs a command on two events of each name, in two courses, and counts the calls: ``standard question``."""
    calls = directory / "calls"
    calls.write_bytes(b"")
    environment = {**os.environ, "CALLS": str(calls), "SECRET": "Kd7wq2Lmz9Xv4bTn"}
    done = run_command([*arguments, "--config", "relay.toml", "events.jsonl"], environment, directory)
    assert done.returncode == 0, done.stderr.decode()
    return Counter(calls.read_text().splitlines())


@pytest.fixture
def site(tmp_path: Path) -> Path:
    files = {"rows.py": ROWS, "lines.py": LINES}
    files |= {f"{name}_polls.py": COUNTED.replace("STANDARD", name) for name in ("rows", "lines")}
    for name, source in files.items():
        (tmp_path / name).write_text(source, encoding="utf-8")
    destinations = {
        "first": {"standard": "rows", "url": "https://first.example.org"},
        "second": {"standard": "lines", "url": "https://second.example.org"},
        "third": {
            "standard": "lines", "url": "https://third.example.org", "scope": {"event": "poll.opened"},
        },
    }  # fmt: skip
    platform = {"source": "openedx"}
    text = relay_toml([], destinations, list(files), platform=platform, delivery={"database": "sqlite:///outbox.db"})
    (tmp_path / "relay.toml").write_text(text, encoding="utf-8")
    events = [
        raw_event(name, {"question": f"{name[5]}{course[-3]}"}, course_id=course)
        for name in ("poll.answered", "poll.opened")
        for course in COURSES
    ]
    (tmp_path / "events.jsonl").write_text("".join(json.dumps(raw) + "\n" for raw in events), encoding="utf-8")
    return tmp_path


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["transform"], ["rows aA", "rows aB", "rows oA", "rows oB", "lines aA", "lines aB", "lines oA", "lines oB"]),
        (["transform", "--standard", "rows"], ["rows aA", "rows aB", "rows oA", "rows oB"]),
        (["replay", "--dry-run", "--standard", "lines"], ["lines aA", "lines aB", "lines oA", "lines oB"]),
        (["replay", "--output", "out", "--standard", "rows"], ["rows aA", "rows aB", "rows oA", "rows oB"]),
        (["replay", "--dry-run", "--to", "first"], ["rows aA", "rows aB", "rows oA", "rows oB"]),
        (["replay", "--dry-run", "--to", "third"], ["lines oA", "lines oB"]),
        (["replay", "--dry-run", "--to", "first", "--event", "*.answered"], ["rows aA", "rows aB"]),
        (["replay", "--dry-run", "--to", "first", "--course", COURSES[1]], ["rows aB", "rows oB"]),
    ],
)  # fmt: skip
def test_only_what_is_asked_for_is_composed(site: Path, arguments: list[str], expected: list[str]) -> None:
    """``third`` may not have answers: its standard composes none where nobody else asks for it."""
    assert called(site, *arguments) == Counter(expected)


def test_an_event_that_no_destination_may_have_is_not_composed() -> None:
    calls: list[str] = []

    def denies_tides(body: Any) -> str | None:
        return "no tides" if body["data"]["video"] == "tides" else None

    rules = [DestinationRules(Destination("here", "plain", "all"), (("match", denies_tides),))]
    plan = plan_of(registry_of(), rules)

    def noted(fields: WatchFields, _platform: Platform) -> Parts:
        calls.append(fields.video)
        return {"what": fields.video}

    (mapping,) = plan.mappings["watched"]
    counted = replace(mapping, transformer=replace(mapping.transformer, function=noted))
    plan = replace(plan, mappings={"watched": (counted,)})
    pipeline, counts = Pipeline(plan, only_routed=True), OutcomeCounts.of(["plain"])
    for video in ("tides", "knots"):
        counts.count(outcomes := pipeline.process(event_from_mapping(event(data={"video": video}))))
        (outcome,) = outcomes
        is_denied = video == "tides"
        assert outcome.state is (OutcomeState.SKIPPED if is_denied else OutcomeState.TRANSFORMED)
        assert (outcome.reason, outcome.denied) == ((NOT_ROUTED, {"here": "no tides"}) if is_denied else ("", {}))
    assert calls == ["knots"]
    plain = counts.standards["plain"]
    assert (plain.transformed, plain.skipped, plain.denied) == (1, {NOT_ROUTED: 1}, {"here: no tides": 1})
    (whole,) = Pipeline(plan).process(event_from_mapping(event(data={"video": "tides"})))
    assert whole.statements, "who explains an event wants to see the statement all the same"
