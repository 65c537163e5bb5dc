"""The reference rows: one of each event, in both encodings, and which of them are to be mapped."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from learnrelay.assembly.assemble import Assembly
from learnrelay.pipeline.run import OutcomeState, Pipeline
from services import reference_folder

UNTOLD = {
    r"\core\event\competency_user_competency_rated": "the row does not say which competency",
    r"\core\event\user_graded": "the row does not say what was graded",
    r"\mod_feedback\event\course_module_viewed": "the row is anonymous",
    r"\mod_feedback\event\response_submitted": "the row is anonymous",
    r"\mod_quiz\event\question_manually_graded": "the row does not name the learner",
}
"""Events to be mapped of which the reference row alone tells too little → how the reason begins."""


@pytest.fixture(scope="module")
def reference() -> Path:
    """Returns the reference pack, where it is at hand."""
    return reference_folder() / "moodle"


def lines(folder: Path) -> Iterator[bytes]:
    """Yields all rows of a folder."""
    for file in sorted(folder.glob("*.jsonl")):
        yield from file.read_bytes().splitlines()


def test_the_events_to_map_are_mapped(assembly: Assembly, reference: Path) -> None:
    events = json.loads((reference / "mapping.json").read_text("utf-8"))["events"]
    wanted = {event["name"] for event in events if event["decision"] == "map"}
    assert {name for _, name in assembly.table} == wanted


def test_both_encodings_give_the_same_statements(assembly: Assembly, reference: Path) -> None:
    pipeline, source = Pipeline(assembly.plan), assembly.source
    table = {name for _, name in assembly.table}
    seen = set()
    for as_json, as_php in zip(lines(reference / "rows"), lines(reference / "rows" / "php"), strict=True):
        raw = {**json.loads(as_json), "userid": 31 if json.loads(as_json)["userid"] == 203 else 40}
        related = {"relateduserid": 31} if raw["relateduserid"] is not None else {}
        events = [
            source.event_from_mapping({**raw, **related, "other": json.loads(row)["other"]})
            for row in (as_json, as_php)
        ]
        first, second = (pipeline.process(event) for event in events)
        assert [outcome.statements for outcome in first] == [outcome.statements for outcome in second]
        for outcome in first:
            if outcome.event in table:
                seen.add(outcome.event)
                if outcome.event in UNTOLD:
                    assert outcome.reason.startswith(UNTOLD[outcome.event])
                else:
                    assert outcome.state is OutcomeState.TRANSFORMED, (outcome.event, outcome.reason, outcome.error)
    assert seen == table
