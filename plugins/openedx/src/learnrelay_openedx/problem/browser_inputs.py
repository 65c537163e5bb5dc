"""Finds the block of a problem in what its form sends: each input is named after the block, question and field."""

from __future__ import annotations

import re
from urllib.parse import unquote_plus

from learnrelay.caching import cached

from ..belonging import course_of, courses_in
from ..keys import block_key

# What follows the number of the field: a twin field in MathML, an annotation's comment, the fields of a choice with
# text; then the marks of lists and of JSON.
_TAIL = r"_(?:dynamath|comment|choiceinput_[0-9]+(?:bc|_(?:textinput|numtolerance_input|decoy_input)_[0-9]+))"
_INPUT = re.compile(rf"input_(.+)_[0-9]+_[0-9]+(?:{_TAIL})?(?:\[\]|\{{\}})?", re.DOTALL)


def block_of_form(form: str, course_id: str) -> str | None:
    """Returns the usage key of the problem whose form a browser sent; None where its inputs name none, or several.

    Block names may end in numbers themselves, so names of inputs are read from the right.

    >>> block_of_form("input_Week_3_1_2_1%5B%5D=choice_0", "course-v1:Harbour+SAIL+2026")
    'block-v1:Harbour+SAIL+2026+type@problem+block@Week_3_1'
    """
    inputs = dict.fromkeys(field.partition("=")[0] for field in form.strip('"').split("&"))
    return _block_of_inputs((tuple(inputs), course_id))


@cached
def _block_of_inputs(named: tuple[tuple[str, ...], str]) -> str | None:
    inputs, course_id = named
    blocks = {match[1] for name in inputs if (match := _INPUT.fullmatch(unquote_plus(name)))}
    if len(blocks) != 1 or any(courses_in(block := blocks.pop(), (course_of(course_id),))):
        return None  # no page names a block by another course
    return block_key(course_id, "problem", block)
