"""Fixtures for tests of plugins: `statements`, `settings`, and plugins that are not installed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import SimpleNamespace
from typing import Any

import pytest

from learnrelay import ConfigurationError, Family, Fields, MissingFieldError, Platform, Skip, hookimpl, required
from learnrelay.config.fields import Section, TextList
from learnrelay.plugins.discovery import installed
from learnrelay_contract_tests import registered
from learnrelay_xapi.parts import StatementParts
from learnrelay_xapi.vocabulary import INTERACTED

family = Family("xapi.acme_poll")


class Answer(Fields):
    question = required("data.question_id")


@family.maps("acme_poll.answered", reads=Answer, verb=INTERACTED)
def answered(answer: Answer, platform: Platform) -> StatementParts:
    if answer.question == "broken":
        raise ZeroDivisionError
    return {"object": {"id": platform.iri("question", str(answer.question))}}


class QuestionSettings(Section):
    unreported = TextList(load_default=("secret",))


@hookimpl(reads=Answer)
def filter_event(fields: Answer, settings: Mapping[str, Any]) -> Skip | None:
    return Skip("its question is not reported") if fields.question in settings["unreported"] else None


QUESTIONS = SimpleNamespace(filter_event=filter_event, settings_schema=QuestionSettings)
Make = Callable[..., list[dict[str, Any]]]


def event(question: str | None = "q1") -> dict[str, Any]:
    return {
        "name": "acme_poll.answered", "timestamp": "2026-03-02T09:00:00+00:00",
        "data": {"question_id": question}, "context": {"user_id": 7},
    }  # fmt: skip


def test_an_event_becomes_the_statements_of_registered_families(statements: Make) -> None:
    with registered(family):
        (statement,) = statements(event(), "xapi.acme_poll")
        assert statement["object"]["id"] == "https://learn.example.org/question/q1"
        assert statements(event(), "xapi.acme_poll") == [statement], "learners have the same names in all tests"
    with pytest.raises(ConfigurationError, match=r"xapi\.acme_poll"):
        statements(event(), "xapi.acme_poll")


def test_all_families_are_enabled_where_none_is_named(statements: Make) -> None:
    with registered(family):
        assert len(statements(event())) == 1
    with pytest.raises(LookupError, match=r"no enabled mapping has the event acme_poll\.answered"):
        statements(event())


def test_filters_run_with_their_settings(statements: Make) -> None:
    with registered(family, acme_questions=QUESTIONS):
        enabled = ("xapi.acme_poll", "acme_questions")
        assert statements(event("secret"), *enabled) == []
        assert len(statements(event(), *enabled)) == 1
        assert statements(event(), *enabled, settings={"acme_questions": {"unreported": ["q1"]}}) == []


def test_a_failure_is_raised_as_the_mapping_raised_it(statements: Make) -> None:
    with registered(family):
        with pytest.raises(ZeroDivisionError):
            statements(event("broken"), "xapi.acme_poll")
        with pytest.raises(MissingFieldError):
            statements(event(None), "xapi.acme_poll")


def test_settings_are_those_that_the_plugin_gets(settings: Callable[..., Mapping[str, Any]]) -> None:
    assert settings(QuestionSettings) == {"unreported": ("secret",)}
    with registered(acme_questions=QUESTIONS):
        chosen = settings("acme_questions", unreported=["q1"])
        assert filter_event(Answer(question="q1"), chosen) is not None
        with pytest.raises(ConfigurationError, match="did you mean"):
            settings("acme_questions", unreportd=["q1"])
    assert settings("xapi")["version"] == "1.0.3"
    with pytest.raises(LookupError, match="no installed plugin acme_questions has settings"):
        settings("acme_questions")


def test_what_was_registered_is_gone_afterwards() -> None:
    before = installed()
    with registered(family, acme_questions=QUESTIONS):
        kinds = {info.name: info.kind for info in installed() if info not in before}
        assert kinds == {"xapi.acme_poll": "families", "acme_questions": "filters"}
    assert installed() == before
    with pytest.raises(ValueError, match="acme_modes has no hook"), registered(acme_modes=SimpleNamespace()):
        pass
