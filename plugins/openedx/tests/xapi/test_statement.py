"""What every statement has, and what the operator can choose about it."""

from __future__ import annotations

import doctest
import json
import re
from collections.abc import Callable, Iterator
from hashlib import sha1
from pathlib import Path
from typing import Any
from uuid import UUID, uuid5

import pytest

from golden_files import read_goldens
from learnrelay.assembly.assemble import assemble_from
from learnrelay.pipeline.run import OutcomeState, Pipeline
from learnrelay_xapi import scores
from learnrelay_xapi.schema import statement_schema
from openedx_events import SOURCE, event_from_mapping

EVENTS = [golden["event"] for golden in read_goldens("xapi")]
SESSION = "9f8e7d6c5b4a39281706f5e4d3c2b1a0"
PLAYED = {
    "name": "play_video",
    "timestamp": "2026-03-02T11:00:00+01:00",
    "context": {"user_id": 7, "course_id": "course-v1:Harbour+SAIL101+2026", "session": SESSION},
    "data": {"id": "tacking", "currentTime": 0, "duration": 195},
}
CHECKED = PLAYED | {
    "name": "problem_check",
    "data": {
        "problem_id": "block-v1:Harbour+SAIL101+2026+type@problem+block@wind",
        "success": "incorrect",
        "submission": {
            "wind_2_1": {"question": "Which sail is set first?", "answer": "jib", "correct": False},
            "wind_3_1": {"question": "Where does the wind come from?", "answer": "luff", "correct": True},
        },
    },
}

ENROLLED = PLAYED | {"name": "edx.course.enrollment.activated", "data": {"mode": "audit"}}
VERSION_TERM = "https://w3id.org/xapi/openedx/extension/transformer-version"

Relay = Callable[..., Pipeline]


def statements(pipeline: Pipeline, event: dict[str, Any]) -> list[dict[str, Any]]:
    (outcome,) = pipeline.process(event_from_mapping(event))
    return [statement.parsed for statement in outcome.statements]


def test_examples_in_docstrings() -> None:
    results = doctest.testmod(scores)
    assert results.attempted and not results.failed


@pytest.mark.parametrize("version", ["1.0.3", "2.0"])
@pytest.mark.parametrize("ids", ["stable", "stable-2", "erb"])
@pytest.mark.parametrize("actor", ["account", "mbox", "mbox_sha1sum"])
def test_every_setting_gives_valid_statements(relay_with: Relay, version: str, ids: str, actor: str) -> None:
    pipeline = relay_with(version=version, statement_ids=ids, actor=actor)
    valid = [statement for event in EVENTS for statement in statements(pipeline, event)]
    assert len(valid) > 80
    schema = statement_schema(version)
    assert [errors for statement in valid if (errors := schema.validate(statement))] == []


def test_version_of_a_statement(relay_with: Relay) -> None:
    assert statements(relay_with(version="1.0.3"), PLAYED)[0]["version"] == "1.0.0"
    assert statements(relay_with(version="2.0"), PLAYED)[0]["version"] == "2.0.0"


def test_actors(relay_with: Relay) -> None:
    (by_account,) = statements(relay_with(), PLAYED)
    (by_mail,) = statements(relay_with(actor="mbox"), PLAYED)
    (by_sum,) = statements(relay_with(actor="mbox_sha1sum"), PLAYED)
    account = {"name": "0b6a3f5e-8d1c-4c55-9f0a-2f3c8a7e1d07", "homePage": "https://learn.example.org"}
    address = "mailto:mira@learn.example.org"
    assert by_account["actor"] == {"objectType": "Agent", "account": account}
    assert by_mail["actor"] == {"objectType": "Agent", "mbox": address}
    assert by_sum["actor"] == {"objectType": "Agent", "mbox_sha1sum": sha1(address.encode()).hexdigest()}


RESET = {
    "name": "edx.grades.problem.state_deleted",
    "timestamp": "2026-03-02T11:00:00+01:00",
    "context": {"user_id": 9, "username": "dr.okafor", "course_id": "course-v1:Harbour+SAIL101+2026"},
    "data": {"user_id": "7", "problem_id": "block-v1:Harbour+SAIL101+2026+type@problem+block@wind"},
}
OKAFOR = {"name": "9a8b7c6d-1e2f-4a3b-8c4d-5e6f7a8b9c09", "homePage": "https://learn.example.org"}


def test_staff_who_act_on_a_learner_are_the_instructor(relay_with: Relay) -> None:
    (by_account,) = statements(relay_with(), RESET)
    (by_mail,) = statements(relay_with(actor="mbox"), RESET)
    assert by_account["actor"]["account"]["name"] == "0b6a3f5e-8d1c-4c55-9f0a-2f3c8a7e1d07", "the learner"
    assert by_account["context"]["instructor"] == {"objectType": "Agent", "account": OKAFOR}
    assert by_mail["context"]["instructor"] == {"objectType": "Agent", "mbox": "mailto:okafor@learn.example.org"}


@pytest.mark.parametrize(
    ("context", "actor"),
    [
        ({"user_id": 7}, "account"),  # the same person
        ({"username": "mira.o"}, "account"),
        ({"user_id": None, "username": ""}, "account"),  # nobody
        ({"user_id": "None", "username": ""}, "account"),
        ({"user_id": 4711, "username": ""}, "account"),  # nobody whom the provider knows
        ({"user_id": 8, "username": ""}, "mbox"),  # nobody with an address
    ],
)
def test_without_known_staff_there_is_no_instructor(relay_with: Relay, context: dict[str, Any], actor: str) -> None:
    course = {"course_id": "course-v1:Harbour+SAIL101+2026"}
    (statement,) = statements(relay_with(actor=actor), RESET | {"context": course | context})
    assert statement["actor"]
    assert "instructor" not in statement["context"]


def test_a_name_in_the_place_of_an_id_may_be_who_is_signed_in(relay_with: Relay) -> None:
    context = {"user_id": 7, "username": "mira.o", "course_id": "course-v1:Harbour+SAIL101+2026"}
    data = RESET["data"] | {"user_id": "mira.o"}  # type: ignore[operator]
    (statement,) = statements(relay_with(), RESET | {"context": context, "data": data})
    assert "instructor" not in statement["context"]


def test_staff_are_named_where_the_mapping_asks_for_it(relay_with: Relay) -> None:
    graded = RESET | {"name": "edx.grades.problem.submitted"}
    (statement,) = statements(relay_with(), graded)
    assert "instructor" not in statement["context"]


def test_without_an_address_there_is_no_statement(relay_with: Relay) -> None:
    event = PLAYED | {"context": PLAYED["context"] | {"user_id": 8}}  # type: ignore[operator]
    (outcome,) = relay_with(actor="mbox").process(event_from_mapping(event))
    assert outcome.state is OutcomeState.SKIPPED
    assert outcome.reason == "the identity provider gives no e-mail address for the learner"


@pytest.mark.parametrize(
    ("actor", "addresses", "warned"),
    [("account", False, False), ("mbox", True, False), ("mbox", False, True), ("mbox_sha1sum", False, True)],
)
def test_an_actor_that_no_learner_can_have_is_an_error_at_start_up(
    tmp_path: Path, actor: str, addresses: bool, warned: bool
) -> None:
    (tmp_path / "learners.csv").write_text(f"user_id,username,external_id,email\n7,,one,{'a@b.example' * addresses}\n")
    for identity in [{"provider": "table", "path": "learners.csv"}] + [{"provider": "keyed"}] * (not addresses):
        raw = {
            "platform": {"root_url": "https://learn.example.org"},
            "plugins": {"enabled": ["xapi"]},
            "identity": {"secret": "a secret of the tests", **identity},
            "xapi": {"actor": actor},
        }
        warnings = assemble_from(raw, tmp_path / "relay.toml").config.warnings
        assert any("every event will be skipped" in warning for warning in warnings) is warned


def test_session_keys_are_digests_unless_asked_otherwise(relay_with: Relay) -> None:
    (statement,) = statements(relay_with(), PLAYED)
    (plain,) = statements(relay_with(session_ids="plain"), PLAYED)
    assert UUID(statement["context"]["extensions"][SOURCE.terms["session_id"]]).version == 8
    assert SESSION not in json.dumps(statement)
    assert plain["context"]["extensions"][SOURCE.terms["session_id"]] == SESSION
    assert plain["id"] == statement["id"]


def test_questions_have_statements_unless_switched_off(relay_with: Relay) -> None:
    whole, *questions = statements(relay_with(), CHECKED)
    assert [question["object"]["id"].rpartition("@")[2] for question in questions] == ["wind_2_1", "wind_3_1"]
    assert [question["context"]["statement"]["id"] for question in questions] == [whole["id"]] * 2
    assert [question["context"]["contextActivities"]["parent"] for question in questions] == [[whole["object"]]] * 2
    assert statements(relay_with(question_statements=False), CHECKED) == [whole]


def test_no_id_has_a_scheme_that_learning_record_stores_refuse(relay_with: Relay) -> None:
    """Learning Locker takes word characters only before the colon: ``block-v1:`` alone is refused."""
    pipeline = relay_with()
    ids = [
        activity_id
        for event in EVENTS
        for statement in statements(pipeline, event)
        for activity_id in activity_ids(statement)
    ]
    assert len(ids) > 160
    assert [activity_id for activity_id in ids if not re.match(r"\w+:", activity_id)] == []


def activity_ids(statement: dict[str, Any]) -> Iterator[str]:
    yield statement["object"]["id"]
    for activities in statement["context"].get("contextActivities", {}).values():
        yield from (activity["id"] for activity in activities)


def test_the_time_keeps_its_offset(relay_with: Relay) -> None:
    (statement,) = statements(relay_with(), PLAYED)
    assert statement["timestamp"] == "2026-03-02T11:00:00+01:00"


def test_stable_ids_are_the_same_in_live_and_replay(relay_with: Relay) -> None:
    live = PLAYED
    line = {
        "name": "play_video", "event_type": "play_video", "event_source": "browser", "session": SESSION,
        "username": "mira.o", "time": "2026-03-02T10:00:00Z", "event": json.dumps(PLAYED["data"]),
        "context": {"user_id": 7, "course_id": "course-v1:Harbour+SAIL101+2026"},
    }  # fmt: skip
    assert statements(relay_with(), live)[0]["id"] == statements(relay_with(), line)[0]["id"]


def test_stable_ids_tell_apart_what_erb_ids_confuse(relay_with: Relay) -> None:
    changed = PLAYED | {"name": "edx.course.enrollment.mode_changed", "data": {"mode": "audit"}}
    for ids, different in (("stable", 2), ("erb", 1)):
        pipeline = relay_with(statement_ids=ids)
        assert len({statements(pipeline, event)[0]["id"] for event in (ENROLLED, changed)}) == different


SHOWN_IN_OLD_COURSES = [
    PLAYED | {
        "name": "showanswer",
        "data": {"problem_id": "i4x://Harbour/KNOTS/problem/reef"},
        "context": {"user_id": 7, "course_id": course_id},
    }
    for course_id in ("Harbour/KNOTS/2013", "Harbour/KNOTS/2014")
]  # fmt: skip
"""Keys of old blocks name no run of the course."""


@pytest.mark.parametrize(("ids", "different"), [("stable", 1), ("stable-2", 2), ("erb", 1)])
def test_events_that_differ_in_their_course_alone(relay_with: Relay, ids: str, different: int) -> None:
    pipeline = relay_with(statement_ids=ids)
    made = [statements(pipeline, event)[0] for event in SHOWN_IN_OLD_COURSES]
    assert len({statement["id"] for statement in made}) == different
    assert len({statement["context"]["contextActivities"]["parent"][0]["id"] for statement in made}) == 2


def test_ids_of_both_versions_are_made_of_what_the_page_says(relay_with: Relay) -> None:
    namespace = UUID("5d3f7c5e-52f4-5b1c-9a53-3c0f6f0f7f6e")
    for ids, with_course in (("stable", False), ("stable-2", True)):
        for event in (PLAYED, ENROLLED):
            (made,) = statements(relay_with(statement_ids=ids), event)
            activities = made["context"].get("contextActivities")
            course = [activities["parent"][0]["id"] if activities else None] if with_course else []
            result, context = made.get("result"), {"extensions": dict(made["context"]["extensions"])}
            for term in ("https://w3id.org/xapi/openedx/extensions/session-id", VERSION_TERM):
                context["extensions"].pop(term, None)
            content = [
                event["name"], "2026-03-02T10:00:00+00:00", made["actor"], *course, made["verb"]["id"],
                made["object"]["id"], result, context if context["extensions"] else None,
            ]  # fmt: skip
            assert made["id"] == str(uuid5(namespace, json.dumps(content, separators=(",", ":"))))


@pytest.mark.parametrize("scheme", ["stable", "stable-2"])
def test_stable_ids_are_unique_and_version_5(relay_with: Relay, scheme: str) -> None:
    pipeline = relay_with(statement_ids=scheme)
    ids = [statement["id"] for event in EVENTS for statement in statements(pipeline, event)]
    assert len(set(ids)) == len(ids)
    assert all(str(UUID(statement_id)) == statement_id and UUID(statement_id).version == 5 for statement_id in ids)
    assert all(UUID(statement_id).variant == "specified in RFC 4122" for statement_id in ids)


def test_the_same_input_gives_the_same_bytes(relay_with: Relay) -> None:
    first, second = (
        [json.dumps(statement) for event in events for statement in statements(pipeline, event)]
        for pipeline, events in ((relay_with(), EVENTS), (relay_with(), [*EVENTS, *EVENTS]))
    )
    assert second == [*first, *first]
