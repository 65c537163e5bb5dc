"""The form of ERB: only texts change, never what they say or their ids."""

from __future__ import annotations

import pytest

from learnrelay_xapi import vocabulary as v
from learnrelay_xapi.erb_form import duration_text, list_text, rename_in_context, rename_languages, rewrite_result


def test_lists_have_blanks() -> None:
    assert list_text(["a, b", "ü", '"']) == '["a, b", "ü", "\\""]'


@pytest.mark.parametrize(
    ("ours", "erb"),
    [("PT3M15S", "PT03M15S"), ("PT22M48.766S", "PT22M48.766S"), ("PT5.5S", "PT05.5S"), ("PT1H1M1S", "PT01H01M01S"),
     ("PT25H1M1.123S", "P1DT01H01M01.123S"), ("PT0S", "PT00S"), ("P1Y", "P1Y")],
)  # fmt: skip
def test_durations_have_two_digits(ours: str, erb: str) -> None:
    assert duration_text(ours) == erb


def test_languages_are_those_that_erb_names() -> None:
    problem = {
        "id": "p",
        "definition": {"type": v.INTERACTION, "name": {"es": "Nudos"}, "description": {"es": "¿Cuál?"}},
    }
    assert rename_languages(problem, "es")["definition"]["name"] == {"en-US": "Nudos"}
    assert rename_languages(problem, "es")["definition"]["description"] == {"en-US": "¿Cuál?"}
    course = {"id": "c", "definition": {"type": v.COURSE, "name": {"es": "Vela"}}}
    assert rename_languages(course, "es")["definition"]["name"] == {"en": "Vela"}
    assert rename_languages(course, "es", in_course=True)["definition"]["name"] == {"en-US": "Vela"}
    assert rename_in_context({"grouping": [course], "other": None}, "es") == {
        "grouping": [rename_languages(course, "es")],
        "other": None,
    }


def test_texts_in_other_languages_stay() -> None:
    activity = {"id": "a", "definition": {"name": {"es": "Vela", "fr": "Voile"}}}
    assert rename_languages(activity, "es") == activity
    assert rename_languages({"id": "a"}, "es") == {"id": "a"}


def test_results_keep_what_is_text() -> None:
    """A learner's own text is not searched for lists."""
    assert rewrite_result({"response": '["a","b"]'}, {"response": '["a","b"]'}) == {"response": '["a","b"]'}
    assert rewrite_result({"response": '["a","b"]'}, {"response": ["a", "b"]}) == {"response": '["a", "b"]'}
    assert rewrite_result({"score": {"raw": 3}}, {"score": {"raw": 3}}) == {"score": {"raw": 3.0}}
    assert rewrite_result(None, None) is None
