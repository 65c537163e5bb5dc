"""Feedback blocks: how learners like a part of the course, on a scale and in words."""

from __future__ import annotations

from learnrelay import Fields, optional, required
from learnrelay.kinds import count, text

from ..free_texts import FREE_TEXT


class FeedbackBlockFields(Fields):
    """Declares the block, with its title."""

    block_id = required("context.module.usage_key", kind=text)
    title = optional("context.module.display_name", kind=text)


class GivenVoteFields(FeedbackBlockFields):
    """Declares the place on the scale that the learner chooses, from 0: its author says what is the best."""

    vote = optional(
        "data.new_vote",
        kind=count,
        example=(0, 3),
        reason="the rating is what the event tells; the family is off by default",
    )


class WrittenFeedbackBlockFields(FeedbackBlockFields):
    """Declares what the learner writes; what stood there before is not read."""

    words = optional("data.new_freeform", kind=text, reason=FREE_TEXT)
