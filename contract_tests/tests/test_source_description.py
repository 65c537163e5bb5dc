"""What the harness makes of a source's declarations."""

from __future__ import annotations

from typing import Any

from learnrelay.events import Shape
from learnrelay.personal_data import PersonalNames
from learnrelay.sample_values import SampleValues
from learnrelay_contract_tests.declarations import read
from learnrelay_contract_tests.source_description import BY_ID, BY_NAME, SourceDescription


def fact(name: str, path: str) -> dict[str, Any]:
    return {"name": name, "paths": [path], "kind": "identifier"}


def test_the_name_of_an_event_may_tell_who_is_the_learner_and_is_no_user() -> None:
    facts = [fact("learner", "name"), fact("user", "context.userid"), fact("login", "context.username")]
    source = SourceDescription(
        "campus", Shape(), read(facts, SampleValues()), ("learner", "user", "login"), SampleValues(), PersonalNames(),
        "courses/{}", {},
    )  # fmt: skip
    assert source.user_paths == {"context.userid": BY_ID, "context.username": BY_NAME}
