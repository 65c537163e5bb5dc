"""Peer instruction: the question seen, the first answer and the one after the discussion."""

from __future__ import annotations

from learnrelay import Family, Platform, Skip
from learnrelay_caliper.entities import Attempt, Response
from learnrelay_caliper.parts import EventKind, EventParts

from ..addresses import block_iri
from ..free_texts import FreeTextSettings, words_of
from .fields import AnswerFields, ReasonedAnswerFields, SeenQuestionFields, seen_block

family = Family("caliper.peer_instruction", settings_schema=FreeTextSettings)

ITEM: EventKind = {"type": "AssessmentItemEvent", "action": "Completed", "profile": "AssessmentProfile"}


@family.maps(
    "ubc.peer_instruction.accessed",
    reads=SeenQuestionFields, type="ViewEvent", action="Viewed", profile="AssessmentProfile",
)  # fmt: skip
def question_seen(question: SeenQuestionFields, platform: Platform) -> EventParts | Skip:
    """The learner sees the question."""
    block = seen_block(question)
    if isinstance(block, Skip):
        return block
    return {"object": {"id": block_iri(platform, block), "type": "AssessmentItem"}}


def answered(answer: AnswerFields, platform: Platform, count: int) -> EventParts:
    """Makes an answer: the first, or the second, after the discussion."""
    item = {"id": block_iri(platform, answer.block_id), "type": "AssessmentItem"}
    value = None if answer.answer is None else str(answer.answer)
    response = Response(
        Attempt(item["id"], count), "MultipleChoiceResponse", value, extensions={"rationale": words_of(answer)}
    )
    return {"object": item, "generated": response}


@family.maps(
    "ubc.peer_instruction.original_submitted",
    reads=AnswerFields, reads_if={"texts": ReasonedAnswerFields}, **ITEM,
)  # fmt: skip
def answered_first(answer: AnswerFields, platform: Platform) -> EventParts:
    """The learner answers for the first time."""
    return answered(answer, platform, 1)


@family.maps(
    "ubc.peer_instruction.revised_submitted",
    reads=AnswerFields, reads_if={"texts": ReasonedAnswerFields}, **ITEM,
)  # fmt: skip
def answered_again(answer: AnswerFields, platform: Platform) -> EventParts:
    """The learner answers after having seen what others think."""
    return answered(answer, platform, 2)
