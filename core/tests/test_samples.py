"""Values of declared fields: realistic ones where the platform is known, marked ones in the form that it writes."""

from __future__ import annotations

import re
from typing import Any

from learnrelay import optional
from learnrelay.fields import Field
from learnrelay.kinds import moment, number, text
from learnrelay.privacy.samples import candidates, marked_values, put, realistic_values
from learnrelay.sample_values import MarkedForms, SampleValues

PLATFORM = SampleValues(
    by_name={"ward": ("North", 7)},
    marked=(MarkedForms(re.compile("ward(_id)?"), ("ward:{first}/{mark}", "{mark}")),),
    keys=("ward:1/2",),
)


def declared(kind: Any, example: Any = None) -> Field:
    field: Any = optional("data.ward", kind=kind, example=example)
    assert isinstance(field, Field)
    return field


def is_text(value: Any) -> bool:
    return isinstance(value, str)


def test_realistic_values_are_the_examples_else_the_platform_s_else_those_of_the_kind() -> None:
    assert realistic_values("data.ward", "text", is_text, ["own"], PLATFORM) == ["own"]
    assert realistic_values("data.ward", "text", is_text, [], PLATFORM) == ["North"]
    assert realistic_values("data.ward", "text", is_text, [], SampleValues()) == ["lantern", "compass"]
    assert "ward:1/2" in candidates(PLATFORM)
    assert "ward:1/2" not in candidates(SampleValues())


def test_marked_values_have_the_platform_s_form_and_suit_the_kind() -> None:
    values = marked_values("data.ward", declared(text), 3, ["closed"], PLATFORM)
    assert values[:4] == ["ward:mk3a/mk3a", "ward:mk3a/mk3b", "mk3a", "closed"]
    assert marked_values("data.ward", declared(text), 3, [], SampleValues())[:2] == ["mk3a", "mk3b"]
    assert all(number(value) is not None for value in marked_values("data.ward", declared(number), 3, [], PLATFORM))
    first, second = marked_values("data.ward", declared(moment), 3, [], PLATFORM)
    assert moment(first) != moment(second)


def test_a_value_is_put_at_its_path_unless_something_else_stands_there() -> None:
    body: dict[str, Any] = {"data": {}, "context": "text"}
    assert put(body, "data.course.id", "x")
    assert not put(body, "context.course_id", "x")
    assert not put(body, "data.course", "x")
    assert body == {"data": {"course": {"id": "x"}}, "context": "text"}
