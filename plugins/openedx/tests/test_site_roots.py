"""Statements of a platform with several sites: addresses are those of the course's site, people are the platform's."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from golden_files import optional_families, read_goldens
from learnrelay import ConfigurationError
from learnrelay.assembly.assemble import Assembly, assemble
from learnrelay.pipeline.run import Pipeline
from relay_files import relay_toml

ROOT, SITE = "https://lms.example.org", "https://harbour.example.org"
FAMILIES = ("xapi.enrollment", "xapi.page_views", "caliper.enrollment")


def assembled(
    directory: Path, monkeypatch: pytest.MonkeyPatch, families: Sequence[str] = FAMILIES, **platform: object
) -> Assembly:
    monkeypatch.setenv("SECRET", "Kd7wq2Lmz9Xv4bTn")
    destinations = {
        name: {"standard": name.partition("_")[0], "url": "https://lrs.example.org/statements", **more}
        for name, more in (("caliper", {}), ("xapi", {}), ("xapi_own", {"pseudonyms": "own"}))
        if any(family.startswith(name.partition("_")[0]) for family in families)
    }
    platform = {"root_url": ROOT, "sites": {"Harbour": f"{SITE}/"}, **platform}
    file = directory / "relay.toml"
    file.write_text(relay_toml(families, destinations=destinations, platform=platform), "utf-8")
    return assemble(file)


def enrolment(org: str) -> dict[str, Any]:
    course_id = f"course-v1:{org}+SAIL+2026"
    return {
        "name": "edx.course.enrollment.activated",
        "timestamp": "2026-03-02T10:01:06.250000+00:00",
        "context": {"user_id": 7, "course_id": course_id, "org_id": org, "event_source": "server"},
        "data": {"course_id": course_id, "user_id": 7, "mode": "audit"},
    }


def statements(assembly: Assembly, raw: dict[str, Any]) -> dict[str, Any]:
    """Returns what each destination gets of an event."""
    outcomes = Pipeline(assembly.plan).process(assembly.source.event_from_mapping(raw))
    shared = {name: outcome.statements[0].parsed for outcome in outcomes for name in outcome.destinations}
    return shared | {name: own[0].parsed for outcome in outcomes for name, own in outcome.own.items()}


@pytest.mark.parametrize(("org", "root"), [("Harbour", SITE), ("Reef", ROOT), ("harbour", ROOT)])
def test_addresses_are_those_of_the_courses_site(
    org: str, root: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent = statements(assembled(tmp_path, monkeypatch), enrolment(org))
    course = f"{root}/course/course-v1:{org}+SAIL+2026"
    assert sent.keys() == {"xapi", "xapi_own", "caliper"}
    assert [sent[name]["object"]["id"] for name in ("xapi", "xapi_own")] == [course] * 2
    assert sent["caliper"]["object"]["id"] == sent["caliper"]["group"] == course
    elsewhere = assembled(tmp_path, monkeypatch, root_url=root, sites={})
    assert statements(elsewhere, enrolment(org))["xapi"]["object"] == sent["xapi"]["object"]


def test_a_learner_has_one_account_on_all_sites(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assembly = assembled(tmp_path, monkeypatch)
    here, there = (statements(assembly, enrolment(org)) for org in ("Reef", "Harbour"))
    for name in ("xapi", "xapi_own", "caliper"):
        assert here[name]["actor"] == there[name]["actor"]
    assert here["xapi"]["actor"]["account"]["homePage"] == ROOT
    assert here["caliper"]["edApp"] == there["caliper"]["edApp"]


def test_pages_and_events_without_a_course(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assembly = assembled(tmp_path, monkeypatch)
    page = enrolment("Harbour") | {"name": "/courses/course-v1:Harbour+SAIL+2026/progress", "data": {"GET": {}}}
    sent = statements(assembly, page)
    assert sent["xapi"]["object"]["id"].startswith(SITE)
    dashboard = page | {"name": "/dashboard", "context": {"user_id": 7, "event_source": "server"}}
    assert all(sent["object"]["id"].startswith(ROOT) for sent in statements(assembly, dashboard).values())


def test_the_platform_itself_grades_on_every_site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    families = ("caliper.*", *optional_families("caliper"))
    assembly = assembled(tmp_path, monkeypatch, families, sites={"Harbour": SITE, "edX": SITE})
    pipeline = Pipeline(assembly.plan)
    scorers = set()
    for golden in read_goldens("caliper"):
        for outcome in pipeline.process(assembly.source.event_from_mapping(golden["event"])):
            events = [statement.parsed for statement in outcome.statements]
            scorers |= {event["generated"]["scoredBy"] for event in events if "scoredBy" in event.get("generated", "")}
            applications = [event["edApp"] for event in events]
            scorers |= {entity if isinstance(entity, str) else entity["id"] for entity in applications}
    assert scorers == {ROOT}, "write platform.home_url for who scores: the application, not the site"


def test_narrowed_plans_have_sites_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assembly = assembled(tmp_path, monkeypatch)
    pipeline = Pipeline(assembly.plan.narrow(["xapi"], ["xapi_own"]))
    (outcome,) = pipeline.process(assembly.source.event_from_mapping(enrolment("Harbour")))
    assert outcome.own["xapi_own"][0].parsed["object"]["id"].startswith(SITE)


def test_an_organisation_that_no_event_names_is_a_problem(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(
        ConfigurationError, match=r"platform\.sites\.Har bour: is no organisation of the source openedx"
    ):
        assembled(tmp_path, monkeypatch, sites={"Har bour": SITE})
    with pytest.raises(ConfigurationError, match=r"platform\.sites"):
        assembled(tmp_path, monkeypatch, sites={"Harbour": "harbour"})
