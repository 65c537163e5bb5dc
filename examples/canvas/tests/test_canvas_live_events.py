"""What becomes of Canvas Live Events: goldens in both standards, what never passes, then the contract."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from canvas_live_events import xapi
from canvas_live_events.fields import GradeFields
from canvas_live_events.source import CanvasSource
from learnrelay import Platform, UnreadableEventError
from learnrelay_contract_tests import contract

GOLDENS = Path(__file__).with_name("goldens.jsonl")
EVENTS = GOLDENS.parents[1] / "events.jsonl"
PERSONAL = (
    "21070000000000048", "21070000000000987", "mira", "S-4471", "Ferreira", "essay", "sailed", "192.0.2.77", "k9",
    "Knots", "8c1f0e6d2b7a4953a0d4c6e8f1b2a397",
)  # fmt: skip


def test_goldens() -> None:
    done = subprocess.run(
        [Path(sys.executable).parent / "learnrelay", "transform", "--source", "canvas", "-s", "caliper", "-s", "xapi",
         "--validate", EVENTS],
        env={**os.environ, "LEARNRELAY_IDENTITY_SECRET": "Kd7wq2Lmz9Xv4bTn"},
        capture_output=True, text=True, timeout=120, check=True,
    )  # fmt: skip
    if os.environ.get("LEARNRELAY_REGENERATE"):
        GOLDENS.write_text(done.stdout, "utf-8")
    assert done.stdout.splitlines() == GOLDENS.read_text("utf-8").splitlines()
    assert len(done.stdout.splitlines()) == 10
    for personal in PERSONAL:
        assert personal in EVENTS.read_text("utf-8")
        assert personal not in done.stdout


def test_an_event_is_the_same_with_and_without_its_envelope() -> None:
    source, envelope = CanvasSource(), json.loads(EVENTS.read_text("utf-8").splitlines()[3])
    (bare,) = envelope["data"]
    events = [source.event_from_mapping(raw) for raw in (envelope, bare)]
    events += [source.event_from_line(json.dumps(raw).encode()) for raw in (envelope, bare)]
    assert {(event.name, event.id) for event in events} == {("GradeEvent.Graded", events[0].id)}
    facts: Any = events[0].facts
    who = facts.who(facts.actor_id, facts.assignee_id)
    assert (who.user.user_id, who.owns_session, facts.course_id) == ("21070000000000048", False, "21070000000000565")
    for data in ([], [bare, bare], ["text"]):
        with pytest.raises(UnreadableEventError):
            source.event_from_mapping({**envelope, "data": data})


def test_a_mark_above_the_highest(platform: Platform) -> None:
    grade = GradeFields(key="1", assignment="2", given=5, most=1)
    assert xapi.work_graded(grade, platform)["result"] == {"score": {"raw": 5}}


test_contract = contract("canvas", "caliper.canvas", "xapi.canvas")
