"""What the harness makes of a source's declarations."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from installed_plugins import ZOO, check_installed, install

from learnrelay.events import Shape
from learnrelay.personal_data import PersonalNames
from learnrelay.sample_values import SampleValues
from learnrelay_contract_tests.declarations import read
from learnrelay_contract_tests.source_description import BY_ID, BY_NAME, SourceDescription

CAMPUS = (ZOO / "good" / "source.py").read_text("utf-8")
OF_ONE_FORM = '''
def person_id(value):
    """Reads an id as ``person:470113`` alone."""
    return value.removeprefix("person:") if type(value) is str and value.startswith("person:") else None
'''


def fact(name: str, path: str) -> dict[str, Any]:
    return {"name": name, "paths": [path], "kind": "identifier"}


def test_the_name_of_an_event_may_tell_who_is_the_learner_and_is_no_user() -> None:
    facts = [fact("learner", "name"), fact("user", "context.userid"), fact("login", "context.username")]
    source = SourceDescription(
        "campus", Shape(), read(facts, SampleValues()), ("learner", "user", "login"), SampleValues(), PersonalNames(),
        "courses/{}", {},
    )  # fmt: skip
    assert source.user_paths == {"context.userid": BY_ID, "context.username": BY_NAME}


@pytest.mark.parametrize("name", ["moodle", "openedx"])
def test_the_platform_of_tests_has_the_source_that_is_chosen(
    name: str, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    monkeypatch.setenv("LEARNRELAY_SOURCE", name)
    assert request.getfixturevalue("platform").source.name == name


@pytest.mark.parametrize("is_noted", [False, True])
def test_a_source_that_refuses_the_learners_of_the_harness_is_noted(is_noted: bool, tmp_path: Path) -> None:
    text = CAMPUS
    if is_noted:
        ids = 'example=("person:470113", "person:470217"), reason="turned'
        text = text.replace('kind=identifier, reason="turned', f"kind=person_id, {ids}")
        text = text.replace("\n\nclass CampusFacts", f"\n{OF_ONE_FORM}\n\nclass CampusFacts")
    report = check_installed(str(tmp_path), install(text, tmp_path), ["privacy.learner"])
    notes = [
        note.message for result in report.results for note in result.notes if "nothing is compared" in note.message
    ]
    assert bool(notes) == is_noted
