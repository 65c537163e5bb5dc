"""Peer instruction: a question that is answered, discussed and answered again.

The reason of an answer is read only where `texts` is on; texts of others never are.
"""

from __future__ import annotations

from learnrelay import Fields, Skip, optional, required
from learnrelay.kinds import count, text

from ..addresses import NO_BLOCK
from ..free_texts import FREE_TEXT
from ..keys import drawn_unit


class SeenQuestionFields(Fields):
    """Declares a question by its block, or the unit that is drawn with it: while it is drawn it has no name."""

    block_id = optional("context.module.usage_key", kind=text)
    unit = optional(
        "context.path", kind=drawn_unit, reason="the key of the unit alone",
        example=("/xblock/block-v1:Harbour+SAIL+2026+type@vertical+block@c0de",),
    )  # fmt: skip


class AnswerFields(Fields):
    """Declares an answer by its place among the choices, from 0."""

    block_id = required("context.module.usage_key", kind=text)
    answer = optional("data.answer", kind=count, reason="the place of a choice, no text", example=(0, 2))


class ReasonedAnswerFields(AnswerFields):
    """Declares an answer with the learner's reason for it."""

    words = optional("data.rationale", kind=text, reason=FREE_TEXT)


def seen_block(question: SeenQuestionFields) -> str | Skip:
    """Returns the key of the question, or of its unit; a skip where the event names neither, as on the old pages."""
    return question.block_id or question.unit or NO_BLOCK
