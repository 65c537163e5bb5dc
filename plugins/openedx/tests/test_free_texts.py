"""What learners write stays out, and is not even read, unless a setting of the family lets it in."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from learnrelay.assembly.assemble import Assembly, assemble_from
from learnrelay.errors import ConfigurationError
from learnrelay.fields import declared_paths
from learnrelay.pipeline.run import Pipeline
from learnrelay_xapi.vocabulary import SUPPLEMENT

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
PAGE = "https://learn.example.org/courses/course-v1:Harbour+SAIL+2026/courseware/knots/"
NOTE = {"note_id": "n1", "component_usage_id": BLOCK}
CHAPTER = "/asset-v1:Harbour+SAIL+2026+type@asset+block@knots.pdf"

Place = tuple[str, Any]
"""Path in a statement, and the value that stands there."""

RESPONSE = "result.response"
QUERY = "generated.query.searchTerms"
LET_IN: list[tuple[str, str, dict[str, Any], Place, Place]] = [
    (
        "forum", "edx.forum.searched", {"query": "bowline", "total_results": 2},
        (RESPONSE, "bowline"), (QUERY, "bowline"),
    ),
    (
        "notes", "edx.course.student_notes.added",
        {**NOTE, "note_text": "ask why"}, (RESPONSE, "ask why"), ("generated.extensions.text", "ask why"),
    ),
    (
        "notes", "edx.course.student_notes.edited",
        {**NOTE, "note_text": "ask why", "old_note_text": "ask"},
        (RESPONSE, "ask why"), ("object.extensions.text", "ask why"),
    ),
    (
        "notes", "edx.course.student_notes.searched", {"search_string": "why", "number_of_results": 0},
        (RESPONSE, "why"), (QUERY, "why"),
    ),
    (
        "open_assessment", "openassessmentblock.create_submission",
        {"answer": {"parts": [{"text": "My essay."}, {"text": ""}, {"text": "Its end."}]}},
        (RESPONSE, "My essay.\n\nIts end."), ("extensions.answer", "My essay.\n\nIts end."),
    ),
    (
        "open_assessment", "openassessmentblock.create_team_submission",
        {"answer": {"parts": [{"text": "Our essay."}]}, "team_id": "t"},
        (RESPONSE, "Our essay."), ("extensions.answer", "Our essay."),
    ),
    (
        "open_assessment", "openassessmentblock.create_submission",
        {"answer": {"parts": [], "files_names": ["essay of mira.pdf", ""], "files_descriptions": ["mine"]}},
        (f"result.extensions.{SUPPLEMENT}", ["essay of mira.pdf"]), ("extensions.fileNames", ["essay of mira.pdf"]),
    ),
    (
        "open_assessment", "openassessment.upload_file",
        {"fileName": "essay of mira.pdf", "fileSize": 7, "fileType": "application/pdf"},
        (f"result.extensions.{SUPPLEMENT}", ["essay of mira.pdf"]), ("extensions.fileNames", ["essay of mira.pdf"]),
    ),
    (
        "open_assessment", "openassessmentblock.submit_feedback_on_assessments",
        {"feedback_text": "It helped.", "options": ["Helpful"]},
        (RESPONSE, "Helpful[,]It helped."), ("generated.value", "It helped."),
    ),
    (
        "peer_instruction", "ubc.peer_instruction.original_submitted",
        {"answer": 1, "rationale": "It does not slip.", "other_student_responses": {"answers": ["It slips."]}},
        (f"result.extensions.{SUPPLEMENT}", "It does not slip."),
        ("generated.extensions.rationale", "It does not slip."),
    ),
    (
        "peer_instruction", "ubc.peer_instruction.revised_submitted", {"answer": 1, "rationale": "It holds."},
        (f"result.extensions.{SUPPLEMENT}", "It holds."), ("generated.extensions.rationale", "It holds."),
    ),
    (
        "poll", "xblock.poll.submitted", {"choice": "R"},
        (RESPONSE, "R"), ("generated.selections", ["R"]),
    ),
    (
        "poll", "xblock.survey.submitted", {"choices": {"pace": "fast", "again": "no"}},
        (RESPONSE, "pace[.]fast[,]again[.]no"), ("extensions.answers", {"pace": "fast", "again": "no"}),
    ),
    (
        "search", "edx.course.home.courseware_search.submit", {"keyword": "bowline"},
        (RESPONSE, "bowline"), (QUERY, "bowline"),
    ),
    (
        "teams", "edx.team.searched", {"search_text": "crew", "number_of_results": 1},
        (RESPONSE, "crew"), (QUERY, "crew"),
    ),
    (
        "textbook", "textbook.pdf.search.executed", {"chapter": CHAPTER, "query": "sheet bend"},
        (RESPONSE, "sheet bend"), (QUERY, "sheet bend"),
    ),
]  # fmt: skip


def value_at(statement: Any, path: str) -> Any:
    """Returns what stands at a path; None where there is nothing. An extension's IRI is one step."""
    head, _, iri = path.partition("https://")
    for step in [*head.rstrip(".").split("."), *([f"https://{iri}"] if iri else [])]:
        statement = statement.get(step) if isinstance(statement, dict) else None
    return statement


@pytest.fixture(scope="module")
def both_ways(tmp_path_factory: pytest.TempPathFactory) -> dict[bool, Assembly]:
    """Assembles all families with their settings off, and on."""
    directory = tmp_path_factory.mktemp("both")
    made = {}
    for is_on in (False, True):
        section = {row[0]: {"answers" if row[0] == "poll" else "texts": is_on} for row in LET_IN}
        made[is_on] = assembled(directory, xapi=section, caliper=section)
    return made


@pytest.mark.slow
@pytest.mark.parametrize(
    ("family", "name", "data", "xapi", "caliper"),
    LET_IN,
    ids=[f"{row[1]}-{row[3][0].rpartition('.')[2]}" for row in LET_IN],
)
def test_other_texts_are_let_in_by_a_setting(
    both_ways: dict[bool, Assembly], family: str, name: str, data: dict[str, Any], xapi: Place, caliper: Place
) -> None:
    is_of_browser = family in ("notes", "search", "textbook") or name == "openassessment.upload_file"
    source = "browser" if is_of_browser else "server"
    context = {**POST["context"], "module": {"usage_key": BLOCK}, "event_source": source, "page": PAGE}
    made: dict[bool, dict[str, Any]] = {}
    for is_on, assembly in both_ways.items():
        event = assembly.source.event_from_mapping({**POST, "name": name, "data": data, "context": context})
        outcomes = Pipeline(assembly.plan).process(event)
        made[is_on] = {outcome.standard: outcome.statements[0].parsed for outcome in outcomes}
        for standard, statement in made[is_on].items():
            assert not assembly.standards[standard].schema().validate(statement)
    for standard, (path, value) in (("xapi", xapi), ("caliper", caliper)):
        assert value_at(made[True][standard], path) == value
        assert value_at(made[False][standard], path) != value
    assert "It slips." not in str(made[True])


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
    assert "xapi.forum.texts: it is on: data.body, data.query are read, which is not by default" in on
    assert not any("forum" in warning for warning in assembled(tmp_path).config.warnings)
    with pytest.raises(ConfigurationError, match=r"xapi\.forum\.text"):
        assembled(tmp_path, xapi={"forum": {"text": True}})
