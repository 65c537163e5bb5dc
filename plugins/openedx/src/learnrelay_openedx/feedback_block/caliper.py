"""Feedback blocks: how learners like a part of the course, on a scale and in words."""

from __future__ import annotations

from learnrelay import Family, Platform
from learnrelay_caliper.entities import Entity, Rating, comment_on
from learnrelay_caliper.parts import EventParts

from ..addresses import block_iri
from ..free_texts import FreeTextSettings, words_of
from .fields import FeedbackBlockFields, GivenVoteFields, WrittenFeedbackBlockFields

family = Family("caliper.feedback_block", settings_schema=FreeTextSettings)


def feedback_resource(block: FeedbackBlockFields, platform: Platform) -> Entity:
    """Makes the block."""
    return {"id": block_iri(platform, block.block_id), "type": "DigitalResource", "name": block.title}


@family.maps(
    "edx.feedbackxblock.likert_provided",
    reads=GivenVoteFields, type="FeedbackEvent", action="Ranked", profile="FeedbackProfile",
)  # fmt: skip
def part_rated(given: GivenVoteFields, platform: Platform) -> EventParts:
    """The learner chooses a place on the scale."""
    rated = feedback_resource(given, platform)
    return {"object": rated, "generated": Rating(rated["id"], None if given.vote is None else [str(given.vote)])}


@family.maps(
    "edx.feedbackxblock.freeform_provided",
    reads=FeedbackBlockFields, reads_if={"texts": WrittenFeedbackBlockFields},
    type="FeedbackEvent", action="Commented", profile="FeedbackProfile",
)  # fmt: skip
def part_commented(given: FeedbackBlockFields, platform: Platform) -> EventParts:
    """The learner writes feedback; the words stay out unless the operator lets them out."""
    resource = feedback_resource(given, platform)
    return {"object": resource, "generated": comment_on(resource["id"], words_of(given))}
