"""Peer instruction: the question seen, the first answer and the one after the discussion."""

from __future__ import annotations

from learnrelay import Family, Platform
from learnrelay_xapi import vocabulary as v
from learnrelay_xapi.parts import StatementParts

from ..addresses import block_iri
from .fields import AnswerFields, SeenQuestionFields, seen_block

family = Family("xapi.peer_instruction")


@family.maps("ubc.peer_instruction.accessed", reads=SeenQuestionFields, verb=v.VIEWED, activity=v.INTERACTION)
def question_seen(question: SeenQuestionFields, platform: Platform) -> StatementParts:
    """The learner sees the question."""
    return {"object": {"id": block_iri(platform, seen_block(question))}}


def answered(answer: AnswerFields, platform: Platform, stage: str) -> StatementParts:
    """Makes an answer; an extension says whether it is the first or the revised one."""
    return {
        "object": {"id": block_iri(platform, answer.block_id)},
        "result": {"response": None if answer.answer is None else str(answer.answer)},
        "context": {"extensions": {v.TYPE: stage}},
    }


@family.maps("ubc.peer_instruction.original_submitted", reads=AnswerFields, verb=v.ANSWERED, activity=v.INTERACTION)
def answered_first(answer: AnswerFields, platform: Platform) -> StatementParts:
    """The learner answers for the first time."""
    return answered(answer, platform, "original")


@family.maps("ubc.peer_instruction.revised_submitted", reads=AnswerFields, verb=v.ANSWERED, activity=v.INTERACTION)
def answered_again(answer: AnswerFields, platform: Platform) -> StatementParts:
    """The learner answers after having seen what others think."""
    return answered(answer, platform, "revised")
