"""Blocks of Problem Builder, and of the mentoring block before it. What learners answer is not read."""

from __future__ import annotations

from learnrelay import Fields, optional, required
from learnrelay.kinds import count, number, text


class BuilderFields(Fields):
    """Declares a block that was handed in: the attempt, from 1, and the share of its points, from 0 to 1."""

    block_id = required("context.module.usage_key", kind=text)
    title = optional("context.module.display_name", kind=text)
    attempt = optional("data.num_attempts", kind=count, example=1)
    grade = optional("data.grade", kind=number)
