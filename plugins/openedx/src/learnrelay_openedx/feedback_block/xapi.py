"""Feedback blocks: how learners like a part of the course, on a scale and in words."""

from __future__ import annotations

from learnrelay import Family, Platform
from learnrelay_xapi import activities
from learnrelay_xapi import vocabulary as v
from learnrelay_xapi.parts import ObjectParts, StatementParts

from ..addresses import block_iri
from ..free_texts import FreeTextSettings, words_of
from .fields import FeedbackBlockFields, GivenVoteFields, WrittenFeedbackBlockFields

family = Family("xapi.feedback_block", settings_schema=FreeTextSettings)


def feedback_object(block: FeedbackBlockFields, platform: Platform) -> ObjectParts:
    """Makes the block."""
    return {
        "id": block_iri(platform, block.block_id),
        "definition": {"name": activities.text(block.title, platform)},
    }


@family.maps("edx.feedbackxblock.likert_provided", reads=GivenVoteFields, verb=v.RATED, activity=v.RESOURCE)
def part_rated(given: GivenVoteFields, platform: Platform) -> StatementParts:
    """The learner chooses a place on the scale."""
    response = None if given.vote is None else str(given.vote)
    return {"object": feedback_object(given, platform), "result": {"response": response}}


@family.maps(
    "edx.feedbackxblock.freeform_provided",
    reads=FeedbackBlockFields, reads_if={"texts": WrittenFeedbackBlockFields}, verb=v.COMMENTED, activity=v.RESOURCE,
)  # fmt: skip
def part_commented(given: FeedbackBlockFields, platform: Platform) -> StatementParts:
    """The learner writes feedback; the words stay out unless the operator lets them out."""
    return {"object": feedback_object(given, platform), "result": {"response": words_of(given)}}
