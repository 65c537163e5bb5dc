"""Against event-routing-backends on its own fixtures: ids and actors are equal, read from the tables of an LMS."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from learnrelay.assembly.assemble import assemble_from
from learnrelay.pipeline.run import Pipeline
from learnrelay_openedx.tables.providers import OpenedxIdentity
from openedx_events import event_from_mapping
from services import reference_folder

from .lms_tables import LmsTables

ROOT = "http://localhost:18000"
EVERYONE = "32e08e30-f8ae-4ce2-94a8-c2bfe38a70cb"
FIRST_INVENTED_ID = 900_000


def pairs(standard: str) -> dict[str, dict[str, Any]]:
    files = sorted((reference_folder() / "pairs" / standard).glob("*.json"))
    assert len(files) >= {"xapi": 48, "caliper": 24}[standard]
    return {file.stem: json.loads(file.read_text("utf-8")) for file in files}


def members(value: Any) -> Iterator[tuple[str, Any]]:
    """Yields (key, value) of all objects, depth first, as event-routing-backends searches them."""
    for key, inner in value.items() if isinstance(value, dict) else ():
        yield key, inner
        yield from members(inner)


def first(event: dict[str, Any], key: str) -> Any:
    return next((value for name, value in members(event) if name == key and value), None)


def learner_of(event: dict[str, Any]) -> int | str:
    """Returns the id or name by which event-routing-backends finds the learner (its documented order)."""
    data = event["data"] if isinstance(event.get("data"), dict) else {}
    learner = data.get("user_id") or data.get("username") or first(event, "user_id") or first(event, "username")
    assert learner is not None
    return int(learner) if str(learner).isdigit() else str(learner)


def fill(lms: LmsTables, standard: str) -> dict[int | str, int]:
    """Adds the users and courses that the fixtures presuppose. Returns id or name → id.

    Names that differ in case only are one user to the LMS: who is meant is renamed for each fixture.
    """
    events = [pair["raw"] for pair in pairs(standard).values()]
    known: dict[int | str, int] = {}
    of_name: dict[str, int] = {}
    for event in events:
        for value in (event, *(value for _, value in members(event) if isinstance(value, dict))):
            if str(value.get("user_id") or "").isdigit():
                known[int(value["user_id"])] = int(value["user_id"])
                of_name.setdefault(str(value.get("username") or "").lower(), int(value["user_id"]))
    for event in events:
        for key, value in members(event):
            if key == "username" and value:
                known[value] = of_name.setdefault(value.lower(), FIRST_INVENTED_ID + len(known))
    for user_id in set(known.values()):
        lms.add_user(user_id, f"user_{user_id}")
    for course in {value for event in events for key, value in members(event) if key == "course_id" and value}:
        lms.add_course(course, "Demonstration Course", "en")
    return known


def pipeline(lms: LmsTables, folder: Path, standard: str, **settings: Any) -> Pipeline:
    raw = {
        "platform": {"root_url": ROOT, "source": "openedx"},
        "plugins": {"enabled": [f"{standard}.*"]},
        "identity": {"provider": "openedx", **lms.identity_settings()},
        "courses": {"provider": "openedx", "database": lms.url},
        standard: settings,
    }
    return Pipeline(assemble_from(raw, folder / "relay.toml").plan)


@pytest.fixture(autouse=True)
def nothing_is_cached(monkeypatch: pytest.MonkeyPatch) -> None:
    """Has each event ask anew: the fixtures have one external id for every learner, which no table can hold."""
    monkeypatch.setattr(OpenedxIdentity, "max_age", 0.0)


@pytest.mark.parametrize(
    "made", ["sqlite", pytest.param("mysql", marks=pytest.mark.slow), pytest.param("mariadb", marks=pytest.mark.slow)],
    indirect=True,
)  # fmt: skip
class TestPairs:
    def test_xapi_ids_and_actors(self, lms: LmsTables, tmp_path: Path) -> None:
        known = fill(lms, "xapi")
        ours = pipeline(lms, tmp_path, "xapi", statement_ids="erb", session_ids="plain")
        for name, pair in pairs("xapi").items():
            give_id(lms, known, learner_of(pair["raw"]), "xapi")
            (outcome,) = ours.process(event_from_mapping(pair["raw"]))
            expected = pair["expected"] if isinstance(pair["expected"], list) else [pair["expected"]]
            statements = [statement.parsed for statement in outcome.statements]
            for key in ("id", "actor"):
                assert [s[key] for s in statements] == [s[key] for s in expected], (name, key, outcome.reason)
            assert [titles_of(s) for s in statements] == [titles_of(s) for s in expected], name

    def test_caliper_learners(self, lms: LmsTables, tmp_path: Path) -> None:
        known = fill(lms, "caliper")
        ours = pipeline(lms, tmp_path, "caliper")
        for name, pair in pairs("caliper").items():
            give_id(lms, known, learner_of(pair["raw"]), "caliper")
            (outcome,) = ours.process(event_from_mapping(pair["raw"]))
            assert outcome.statements, (name, outcome.reason)
            for statement in outcome.statements:  # of grades, the platform is the actor, and the learner the assignee
                assert EVERYONE.encode() in statement.content, name


def give_id(lms: LmsTables, known: dict[int | str, int], learner: int | str, type_name: str) -> None:
    """Gives the learner of a fixture the external id of all fixtures, and the name by which it is found."""
    lms.execute("DELETE FROM external_user_ids_externalid")
    lms.add_external_id(known[learner], type_name, EVERYONE)
    if isinstance(learner, str):
        lms.rename(known[learner], learner)


def titles_of(statement: dict[str, Any]) -> list[str]:
    """Returns the titles of courses among the parents, which event-routing-backends writes for another language."""
    parents = statement.get("context", {}).get("contextActivities", {}).get("parent", ())
    return [title for parent in parents for title in parent["definition"].get("name", {}).values() if "Demo" in title]
