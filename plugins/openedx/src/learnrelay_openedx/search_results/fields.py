"""Results of searches in a course: the one that is opened. The words are not read."""

from __future__ import annotations

import re
from typing import Any

from learnrelay import Fields, required

from ..keys import LONGEST_NAMED, is_block

_RESULT = re.compile(r"/courses/[^?#]+/jump_to/([^/?#]+)/?")


def found_block(value: Any) -> str | None:
    """Reads the key of a block, which the platform writes, or of the one that a link of it jumps to."""
    if type(value) is str and is_block(value):
        return value
    match = _RESULT.search(value) if type(value) is str and len(value) <= LONGEST_NAMED else None
    return match[1] if match and is_block(match[1]) else None


class ChosenResultFields(Fields):
    """Declares a result that is opened, by its block."""

    block_id = required(
        "data.result_link", kind=found_block,
        example=(
            "block-v1:Harbour+SAIL+2026+type@html+block@9b2e",
            "/courses/course-v1:Harbour+SAIL+2026/jump_to/block-v1:Harbour+SAIL+2026+type@problem+block@4f1c",
        ),
    )  # fmt: skip
