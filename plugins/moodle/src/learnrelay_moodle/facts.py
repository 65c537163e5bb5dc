"""Declares the facts of a row: when, who, which course. A row knows no session.

``userid`` is who acted, ``relateduserid`` whom it was done to; which of them is the learner depends on the event.
"""

from __future__ import annotations

from learnrelay import Facts, UserRef, Who, optional, required
from learnrelay.kinds import identifier

from .column_kinds import course, epoch, row_id
from .learners import ACTED, AFFECTED_IF_ANY, WHY, learner_kind

SECONDS = (1_773_820_801, 1_773_907_277)


class MoodleFacts(Facts):
    """Declares what is read for every statement of every standard."""

    moment = required("timestamp", kind=epoch, example=SECONDS)
    time_text = required("timestamp", kind=identifier, example=SECONDS)
    learner = required("name", kind=learner_kind)
    user_id = optional("context.userid", kind=row_id, reason=WHY, example=(470_113, 470_217))
    related_id = optional("context.relateduserid", kind=row_id, reason=WHY, example=(470_113, 470_217))
    course_id = optional("context.courseid", kind=course, example=(7, 12))

    who_reads = ("learner", "user_id", "related_id")

    @staticmethod
    def who(learner: str, user_id: str | None, related_id: str | None) -> Who | None:
        """Returns the learner of a row; None for nobody, and for the system."""
        learner_id = user_id if learner == ACTED else related_id
        if learner == AFFECTED_IF_ANY:
            learner_id = related_id or user_id
        return None if learner_id is None else Who(UserRef(learner_id))
