"""Peer instruction: the question seen, the first answer and the one after the discussion."""

from __future__ import annotations

from learnrelay import Family, Platform, Skip
from learnrelay_xapi import vocabulary as v
from learnrelay_xapi.parts import StatementParts

from ..addresses import block_iri
from ..free_texts import FreeTextSettings, words_of
from .fields import AnswerFields, ReasonedAnswerFields, SeenQuestionFields, seen_block

family = Family("xapi.peer_instruction", settings_schema=FreeTextSettings)


@family.maps("ubc.peer_instruction.accessed", reads=SeenQuestionFields, verb=v.VIEWED, activity=v.INTERACTION)
def question_seen(question: SeenQuestionFields, platform: Platform) -> StatementParts | Skip:
    """The learner sees the question."""
    block = seen_block(question)
    return block if isinstance(block, Skip) else {"object": {"id": block_iri(platform, block)}}


def answered(answer: AnswerFields, platform: Platform, stage: str) -> StatementParts:
    """Makes an answer; an extension says whether it is the first or the revised one."""
    return {
        "object": {"id": block_iri(platform, answer.block_id)},
        "result": {
            "response": None if answer.answer is None else str(answer.answer),
            "extensions": {v.SUPPLEMENT: words_of(answer)},
        },
        "context": {"extensions": {v.TYPE: stage}},
    }


@family.maps(
    "ubc.peer_instruction.original_submitted",
    reads=AnswerFields, reads_if={"texts": ReasonedAnswerFields}, verb=v.ANSWERED, activity=v.INTERACTION,
)  # fmt: skip
def answered_first(answer: AnswerFields, platform: Platform) -> StatementParts:
    """The learner answers for the first time."""
    return answered(answer, platform, "original")


@family.maps(
    "ubc.peer_instruction.revised_submitted",
    reads=AnswerFields, reads_if={"texts": ReasonedAnswerFields}, verb=v.ANSWERED, activity=v.INTERACTION,
)  # fmt: skip
def answered_again(answer: AnswerFields, platform: Platform) -> StatementParts:
    """The learner answers after having seen what others think."""
    return answered(answer, platform, "revised")
