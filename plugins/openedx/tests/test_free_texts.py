"""What learners write stays out, and is not even read, unless a setting of the family lets it in."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from learnrelay.assembly.assemble import Assembly, assemble_from
from learnrelay.errors import ConfigurationError
from learnrelay.fields import declared_paths
from learnrelay.pipeline.run import Pipeline

POST: dict[str, Any] = {
    "name": "edx.forum.response.created",
    "timestamp": "2026-03-02T10:00:00+00:00",
    "context": {"user_id": 7, "course_id": "course-v1:Harbour+SAIL+2026", "event_source": "server"},
    "data": {"id": "r1", "body": "<p>A bowline, I think.</p>", "truncated": False, "discussion": {"id": "t1"}},
}


def assembled(directory: Path, **sections: Any) -> Assembly:
    raw = {
        "platform": {"root_url": "https://learn.example.org", "source": "openedx"},
        "plugins": {"enabled": ["xapi.*", "caliper.*"]},
        "identity": {"provider": "keyed", "secret": "Zq3xT9mLw2Kd8RbVf5NcYh7PjGs4UeXa"},
        **sections,
    }
    return assemble_from(raw, directory / "relay.toml")


def statements(assembly: Assembly, name: str = POST["name"]) -> dict[str, Any]:
    outcomes = Pipeline(assembly.plan).process(assembly.source.event_from_mapping({**POST, "name": name}))
    return {outcome.standard: outcome.statements[0].parsed for outcome in outcomes}


NAMES = ["edx.forum.thread.created", "edx.forum.response.created", "edx.forum.comment.created"]


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_the_text_of_a_post_is_let_in_by_a_setting(tmp_path: Path, name: str) -> None:
    off = assembled(tmp_path)
    explicit = assembled(tmp_path, xapi={"forum": {"texts": False}}, caliper={"forum": {"texts": False}})
    on = assembled(tmp_path, xapi={"forum": {"texts": True}}, caliper={"forum": {"texts": True}})
    assert statements(off, name) == statements(explicit, name)
    assert "bowline" not in str(statements(off, name))
    let_in = statements(on, name)
    assert let_in["xapi"].pop("result") == {"response": POST["data"]["body"]}
    assert let_in["caliper"]["object"].pop("body") == POST["data"]["body"]
    without = statements(off, name)
    for statement in (*let_in.values(), *without.values()):
        del statement["id"]
    assert let_in == without, "nothing else changes"


BLOCK = "block-v1:Harbour+SAIL+2026+type@openassessment+block@knots"
WRITTEN: list[tuple[str, str, dict[str, Any], str, str | None]] = [
    (
        "open_assessment", "openassessmentblock.create_submission",
        {"answer": {"parts": [{"text": "My essay."}, {"text": ""}, {"text": "Its end."}]}},
        "My essay.\n\nIts end.", None,
    ),
    (
        "open_assessment", "openassessmentblock.create_team_submission",
        {"answer": {"parts": [{"text": "Our essay."}]}, "team_id": "t"}, "Our essay.", None,
    ),
    (
        "open_assessment", "openassessmentblock.submit_feedback_on_assessments",
        {"feedback_text": "It helped.", "options": ["Helpful"]}, "Helpful[,]It helped.", "Helpful",
    ),
    (
        "notes", "edx.course.student_notes.added",
        {"note_id": "n1", "component_usage_id": BLOCK, "note_text": "ask why"}, "ask why", None,
    ),
    (
        "notes", "edx.course.student_notes.edited",
        {"note_id": "n1", "component_usage_id": BLOCK, "note_text": "ask why", "old_note_text": "ask"}, "ask why", None,
    ),
]  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize(("family", "name", "data", "let_in", "usual"), WRITTEN)
def test_other_texts_are_let_in_by_a_setting(
    tmp_path: Path, family: str, name: str, data: dict[str, Any], let_in: str, usual: str | None
) -> None:
    context = {**POST["context"], "module": {"usage_key": BLOCK}}
    for texts, response in ((False, usual), (True, let_in)):
        assembly = assembled(tmp_path, xapi={family: {"texts": texts}})
        event = assembly.source.event_from_mapping({**POST, "name": name, "data": data, "context": context})
        outcomes = {outcome.standard: outcome for outcome in Pipeline(assembly.plan).process(event)}
        statement = outcomes["xapi"].statements[0].parsed
        assert statement.get("result") == (None if response is None else {"response": response})


def test_without_the_setting_the_text_is_not_read(tmp_path: Path) -> None:
    def reads(assembly: Assembly) -> dict[str, bool]:
        mappings = assembly.plan.mappings_of(POST["name"])
        return {
            mapping.standard: any(path == "data.body" for _, path, _ in declared_paths(mapping.transformer.reads))
            for mapping in mappings
        }

    assert reads(assembled(tmp_path)) == {"xapi": False, "caliper": False}
    assert reads(assembled(tmp_path, xapi={"forum": {"texts": True}})) == {"xapi": True, "caliper": False}


def test_check_warns_of_texts_that_are_let_in(tmp_path: Path) -> None:
    on = assembled(tmp_path, xapi={"forum": {"texts": True}}).config.warnings
    assert "xapi.forum.texts: it is on: data.body is read, which is not by default" in on
    assert not any("forum" in warning for warning in assembled(tmp_path).config.warnings)
    with pytest.raises(ConfigurationError, match=r"xapi\.forum\.text"):
        assembled(tmp_path, xapi={"forum": {"text": True}})
