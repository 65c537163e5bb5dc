"""Nothing that a browser sends decides who an event is about or who receives it; no tenant gets the ids of another's.

With the families of Open edX in both standards, on their own goldens.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from golden_files import optional_families
from learnrelay.assembly.assemble import assemble_from
from learnrelay.fields import declared_paths
from learnrelay.kinds import text
from learnrelay.pipeline.run import Outcome, OutcomeState, Pipeline
from learnrelay_openedx.keys import decoded
from openedx_events import event_from_mapping

from .tenants import ACME, UMBRA

GOLDENS = Path(__file__).parents[2] / "openedx" / "tests"
RUN = "course-v1:Harbour+SAIL101+2026"
PUBLISHED = f"/courses/{RUN}/xblock/block-v1:Harbour+SAIL101+2026+type@drag-and-drop-v2+block@x/handler/publish_event"
CLIENTS: list[dict[str, Any]] = [
    {"event_source": "browser"}, {"event_source": "mobile"}, {"event_source": "server", "path": PUBLISHED},
]  # fmt: skip
SCOPES: dict[str, Any] = {
    "acme": {"enterprise": ACME},
    "umbra": {"enterprise": UMBRA},
    "harbour": {"org": "Harbour"},
    "lagoon": {"org": "Lagoon"},
    "sailing": {"course": RUN},
    "tides": {"course": "course-v1:Lagoon+TIDE+2025"},
    "not_lagoon": {"all": True, "deny": {"org": "Lagoon"}},
}
FORGED: dict[str, Any] = {
    "user_id": 7, "username": "mira.o", "attempt_user_id": 7, "enterprise_uuid": UMBRA, "org_id": "Lagoon",
    "course_id": "course-v1:Lagoon+TIDE+2025", "event_source": "server", "context": {"user_id": 7},
}  # fmt: skip


@pytest.fixture(scope="module")
def pipeline(tmp_path_factory: pytest.TempPathFactory) -> Pipeline:
    raw = {
        "platform": {"root_url": "https://learn.example.org"},
        "plugins": {
            "enabled": [
                "xapi",
                "xapi.*",
                "caliper",
                "caliper.*",
                "enterprise_filter",
                *optional_families("xapi"),
                *optional_families("caliper"),
            ]
        },
        "identity": {"provider": "keyed", "secret": "a secret of the tests"},
        "destinations": {
            f"{name}_{standard}": {"standard": standard, "url": "https://lrs.example.org/", "scope": scope}
            for name, scope in SCOPES.items()
            for standard in ("xapi", "caliper")
        },
    }
    return Pipeline(assemble_from(raw, tmp_path_factory.mktemp("forged") / "relay.toml").plan)


def golden_events() -> Iterator[dict[str, Any]]:
    """The events of the goldens in the canonical shape, signed in as a learner of one tenant."""
    for file in sorted(GOLDENS.glob("*/*.json")):
        for golden in json.loads(file.read_text("utf-8")) if file.stem in ("xapi", "caliper") else ():
            event = copy.deepcopy(event_from_mapping(golden["event"]).body)
            event["context"] |= {"user_id": 666, "username": "mallory", "enterprise_uuid": ACME}
            yield event


def outcomes(pipeline: Pipeline, event: dict[str, Any]) -> dict[str, Outcome]:
    return {outcome.standard: outcome for outcome in pipeline.process(event_from_mapping(event))}


@pytest.mark.parametrize("client", CLIENTS, ids=["browser", "mobile", "published"])
def test_a_forged_payload_changes_no_decision_and_no_actor(pipeline: Pipeline, client: dict[str, Any]) -> None:
    seen = 0
    for event in golden_events():
        event["context"] |= client
        honest = {**event, "data": {k: v for k, v in event["data"].items() if k not in FORGED}
                  if isinstance(event["data"], dict) else event["data"]}  # fmt: skip
        forged = {**honest, "data": {**(honest["data"] if isinstance(honest["data"], dict) else {}), **FORGED}}
        before, after = outcomes(pipeline, honest), outcomes(pipeline, forged)
        for standard, outcome in after.items():
            assert not {"umbra_xapi", "umbra_caliper", "lagoon_xapi", "lagoon_caliper"} & set(outcome.destinations)
            if standard in before and before[standard].state is not OutcomeState.FAILED:  # for want of a forged field
                assert set(outcome.destinations) <= set(before[standard].destinations), event["name"]
                actors = [
                    {str(statement.parsed["actor"]) for statement in of.statements}
                    for of in (before[standard], outcome)
                ]
                if before[standard].state is outcome.state is OutcomeState.TRANSFORMED:
                    assert actors[0] == actors[1], event["name"]
                    seen += 1
    assert seen or client["event_source"] == "server"


def test_the_forgery_of_a_grade_goes_nowhere(pipeline: Pipeline) -> None:
    event: dict[str, Any] = {
        "name": "edx.course.grade.passed.first_time",
        "timestamp": "2026-03-02T10:00:00Z",
        "context": {"user_id": 666, "username": "mallory", "course_id": RUN},
        "data": {"user_id": 7, "course_id": RUN, "enterprise_uuid": ACME},
    }
    for client in CLIENTS:
        (outcome,) = pipeline.process(event_from_mapping({**event, "context": {**event["context"], **client}}))
        assert outcome.state is OutcomeState.SKIPPED, client
        assert "browser" in outcome.reason
    of_server = outcomes(pipeline, event)
    assert "acme_xapi" in of_server["xapi"].destinations


def test_a_course_that_only_a_browser_names_proves_nothing(pipeline: Pipeline) -> None:
    event = {
        "name": "edx.ui.lms.link_clicked",
        "timestamp": "2026-03-02T10:00:00Z",
        "context": {"user_id": 666, "username": "mallory", "course_id": "", "event_source": "browser"},
        "data": {"course_id": RUN, "target_url": "/about"},
    }
    outcome = outcomes(pipeline, event)["xapi"]
    assert outcome.destinations == ()
    assert outcome.denied["harbour_xapi"].endswith("no proof")


ELSEWHERE = [
    "block-v1:Lagoon+TIDE+2025+type@problem+block@x", "ccx-block-v1:Lagoon+TIDE+2025+ccx@1+type@problem+block@x",
    "lib-block-v1:Lagoon+SHELF+type@problem+block@x", "asset-v1:Lagoon+TIDE+2025+type@asset+block@x.pdf",
    "course-v1:Lagoon+TIDE+2025", "library-v1:Lagoon+SHELF", "lib:Lagoon:SHELF", "lb:Lagoon:SHELF:problem:x",
    "i4x://Lagoon/TIDE/problem/x", "i4x-Lagoon-TIDE-problem-x", "i4x:;_;_Lagoon;_TIDE;_problem;_x", "Lagoon/TIDE/2025",
    "slashes:Lagoon+TIDE+2025", "location:Lagoon+TIDE+2025+video+x", "lct:Lagoon:SHELF:unit:x",
    "lib-collection:Lagoon:SHELF:x", "blo\tck-v1:Lagoon+TIDE+2025+type@problem+block@x",
    "block\u200b-v1:Lagoon+TIDE+2025+type@problem+block@x",
    "c4x/Lagoon/TIDE/asset/x.pdf", "BLOCK-V1:Lagoon+TIDE+2025+type@problem+block@x",
    "block-v1:Harbour+SAIL101+2026+type@problem+block@x/block-v1:Lagoon+TIDE+2025+type@problem+block@x",
]  # fmt: skip
ADDRESSES = [
    "https://learn.example.org/courses/{}/about", "/courses/{}/progress", "/xblock/{}", "/{}", "/x?block={}",
    "https://learn.example.org/x?activate_block_id={}",
]  # fmt: skip


def put(event: dict[str, Any], path: str, value: str) -> dict[str, Any] | None:
    """The event with another value at a path; None where something else is in the way."""
    event = copy.deepcopy(event)
    *outer, last = path.split(".")
    holder: Any = event
    for key in outer:
        holder = holder.setdefault(key, {}) if isinstance(holder, dict) else None
    if not isinstance(holder, dict):
        return None
    holder[last] = value
    return event


def ids_of(value: Any) -> Iterator[str]:
    """All ids in a statement."""
    for key, inner in value.items() if isinstance(value, dict) else enumerate(value):
        if isinstance(inner, (dict, list)):
            yield from ids_of(inner)
        elif key == "id":
            yield str(inner)


def test_no_tenant_gets_an_id_that_names_another(pipeline: Pipeline) -> None:
    """In every text that a mapping reads: an id that is put out has been seen by the scope."""
    wrong: set[tuple[str, str, str]] = set()
    tried: set[tuple[str, str]] = set()
    passed = 0
    for event in golden_events():
        if event["context"].get("course_id") != RUN:
            continue
        for client in ({}, CLIENTS[0]):
            event["context"] |= client
            for mapping in pipeline.plan.mappings[event["name"]]:
                for _, path, field in declared_paths(mapping.transformer.reads):
                    if field.kind is not text or "*" in path or path == "context.course_id":
                        continue
                    if (event["name"], path, *client) in tried:
                        continue
                    tried.add((event["name"], path, *client))
                    is_address = path.endswith(("url", "page", "referer"))
                    forms = [form.format(quote(key)) for form in ADDRESSES if is_address for key in ELSEWHERE[:5]]
                    for value in [*ELSEWHERE, *forms]:
                        if (altered := put(event, path, value)) is None:
                            continue
                        for standard, outcome in outcomes(pipeline, altered).items():
                            if f"harbour_{standard}" in outcome.destinations:
                                passed += 1
                                ids = [i for statement in outcome.statements for i in ids_of(statement.parsed)]
                                if any("lagoon" in decoded(i).lower() for i in ids):
                                    wrong.add((event["name"], path, value))
    assert not wrong
    assert passed


def leaves_of(value: Any, *above: Any) -> Iterator[tuple[Any, ...]]:
    """The places of all texts and numbers in an event."""
    for key, inner in value.items() if isinstance(value, dict) else enumerate(value):
        if isinstance(inner, (dict, list)):
            yield from leaves_of(inner, *above, key)
        elif isinstance(inner, (str, int)):
            yield (*above, key)


def test_no_leaf_of_an_event_becomes_an_id_that_names_another_tenant(pipeline: Pipeline) -> None:
    """Also in lists, and where an identifier is read that is no key."""
    wrong: set[tuple[Any, ...]] = set()
    passed = 0
    for event in golden_events():
        for *outer, last in leaves_of(event):
            if last in ("name", "timestamp") and not outer:
                continue
            altered = copy.deepcopy(event)
            holder: Any = altered
            for key in outer:
                holder = holder[key]
            holder[last] = ELSEWHERE[0]
            for standard, outcome in outcomes(pipeline, altered).items():
                if f"harbour_{standard}" in outcome.destinations:
                    passed += 1
                    ids = [of for statement in outcome.statements for of in ids_of(statement.parsed)]
                    if any("Lagoon" in of for of in ids):
                        wrong.add((event["name"], *outer, last))
    assert not wrong
    assert passed


@pytest.mark.parametrize(
    ("target", "page"),
    [
        ("https://learn.example.org/courses/cour\tse-v1:Lagoon+TIDE+2025", ""),
        ("./Lagoon/TIDE/2025", "https://learn.example.org/courses/"),
        ("TIDE/2025/", "https://learn.example.org/courses/Lagoon/other"),
    ],
)
def test_a_link_is_judged_by_where_it_leads(pipeline: Pipeline, target: str, page: str) -> None:
    clicked = next(event for event in golden_events() if event["name"] == "edx.ui.lms.link_clicked")
    clicked["data"] = {"target_url": target, "current_url": page}
    clicked["context"]["course_id"] = RUN
    for standard, outcome in outcomes(pipeline, clicked).items():
        assert f"harbour_{standard}" not in outcome.destinations


def test_a_browsers_report_about_a_block_of_another_tenant_is_kept(pipeline: Pipeline) -> None:
    """The block comes from the page before, or from the names of the inputs."""
    context = {"user_id": 666, "course_id": RUN, "event_source": "browser"}
    block = "block-v1:Lagoon+TIDE+2025+type@problem+block@x"
    referer = f"https://learn.example.org/x?activate_block_id={quote(block)}"
    event = {"name": "problem_check", "timestamp": "2026-03-02T10:00:00Z", "data": "", "context": context}
    outcome = outcomes(pipeline, {**event, "context": {**context, "referer": referer}})["xapi"]
    assert outcome.statements
    assert "contradict" in outcome.denied["harbour_xapi"]
    for name in ELSEWHERE:
        assert outcomes(pipeline, {**event, "data": f"input_{name}_2_1=1"})["xapi"].state is OutcomeState.SKIPPED, name


WIND = "block-v1:Harbour+SAIL101+2026+type@problem+block@wind"
OWN_QUESTIONS = [
    "wind_2_1",
    "hw:knot-1.4_2_1",
    "練習_1_2_1",
    "0a1b2c3d4e5f_3_1",
    "i4x-Harbour-SAIL101-problem-wind_2_1",
]
FOREIGN_QUESTIONS = [
    *(f"{key}_2_1" for key in ELSEWHERE), "Lagoon/TIDE/2025/a_2_1", "/Lagoon/TIDE/2025/a_2_1", "Lagoon/TIDE/a_2_1",
    "Lagoon+TIDE+2025+type@problem+block@a_2_1", "Lagoon%2FTIDE%2F2025%2Fa_2_1", "../Lagoon_2_1", "x?Lagoon", "a b_2_1",
    "#Lagoon", "", "x" * 9_000,
]  # fmt: skip


@pytest.mark.parametrize("of", ["answers", "submission"])
def test_the_key_of_a_question_is_no_way_to_name_another_course(pipeline: Pipeline, of: str) -> None:
    """Keys go into the ids of questions; in old events of the server they stand in the answers alone."""

    def harbour(key: str) -> set[str]:
        checked: dict[str, Any] = {
            "name": "problem_check", "timestamp": "2026-03-02T10:00:00Z",
            "context": {"user_id": 666, "course_id": RUN, "event_source": "server"},
            "data": {"problem_id": WIND, of: {key: "choice_1" if of == "answers" else {"answer": "choice_1"}}},
        }  # fmt: skip
        return {name for outcome in outcomes(pipeline, checked).values() for name in outcome.destinations}

    everywhere = {f"{name}_{standard}" for name in ("harbour", "sailing") for standard in ("xapi", "caliper")}
    for key in OWN_QUESTIONS:
        assert harbour(key) >= everywhere, key
    for key in FOREIGN_QUESTIONS:
        assert not harbour(key) & everywhere, key
