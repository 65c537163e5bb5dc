"""Holes in JSON: filled where they were put, whatever the texts around them hold."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from learnrelay import Hole, NotJsonError, to_json

CONTROL = st.sampled_from([chr(number) for number in range(0x20)])
TEXT = st.lists(CONTROL | st.text(max_size=4)).map("".join)


@given(key=TEXT.map("key {}".format), text=TEXT, before=TEXT, after=TEXT, filling=TEXT, number=st.integers(0, 8))
def test_a_template_is_filled_in_its_holes_only(
    key: str, text: str, before: str, after: str, filling: str, number: int
) -> None:
    hole, other = Hole(number), Hole((number + 1) % 9)
    value = {key: text, "within": hole.within(before, after), "value": other.value, "last": hole.after([text])}
    first, second = other.split(to_json(value))
    start, middle = hole.split(first)
    rest, end = hole.split(second)
    filled = b"".join((start, to_json(filling)[1:-1], middle, b"7", rest, b',"more":1', end))
    assert json.loads(filled) == {key: text, "within": before + filling + after, "value": 7, "last": [text], "more": 1}


@pytest.mark.parametrize("number", [-1, 9, 10, 13, 34])
def test_marks_are_control_characters_that_json_never_has(number: int) -> None:
    with pytest.raises(ValueError, match="from 0 to 8"):
        Hole(number)


@pytest.mark.parametrize("value", ["Kohlrabi\ud800", {"Kohlrabi\udfff": 1}, ["Kohlrabi", {1}]])
def test_what_is_no_json_is_refused(value: Any) -> None:
    with pytest.raises(NotJsonError) as refusal:
        Hole().after(value)
    assert "Kohlrabi" not in str(refusal.value)
    for texts in (("Kohlrabi\ud800", ""), ("", "Kohlrabi\ud800")):
        with pytest.raises(NotJsonError):
            Hole().within(*texts)
