"""Completion: how much of a block a learner has done."""

from __future__ import annotations

from learnrelay import Fields, MissingFieldError, Skip, optional, required
from learnrelay.kinds import boolean, number, text

from ..courses import course_key
from ..origins import OriginFields, is_from_client

TOLD_BY_THE_SERVER = Skip("the server tells this too")


class BlockCompletionFields(Fields):
    """Declares a block, and the completed share of it, from 0 to 1."""

    block_id = required("data.block_id", kind=text)
    completion = required("data.completion", kind=number)


class AggregateFields(BlockCompletionFields):
    """Declares a block that has others, and the completed share of all that is in it."""

    completion = required("data.percent", kind=number)


class CourseAggregateFields(AggregateFields):
    """Declares a course, and the completed share of it."""

    course_id = required("data.course_id", kind=course_key)


class DoneFields(OriginFields):
    """Declares a block that the learner marks as done, or as not done; a browser does not name it."""

    block_id = optional("context.module.usage_key", kind=text)
    done = required("data.done", kind=boolean)


def marked_block(mark: DoneFields) -> str | Skip:
    """Returns the block that is marked; a skip for the browser's word, which the server repeats."""
    if is_from_client(mark.sender, mark.request):
        return TOLD_BY_THE_SERVER
    if mark.block_id is None:
        raise MissingFieldError("required field is missing or empty", path="context.module.usage_key")
    return mark.block_id


def percent_done(block: BlockCompletionFields) -> float | None:
    """Returns the share as 0 to 100; None outside 0 to 1."""
    return block.completion * 100.0 if 0 <= block.completion <= 1 else None


def is_done(block: BlockCompletionFields) -> bool:
    """Tells whether the block is completed."""
    return block.completion == 1
