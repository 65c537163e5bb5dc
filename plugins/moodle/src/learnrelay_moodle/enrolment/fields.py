"""Enrolments: the learner's place in a course, by one of several methods."""

from __future__ import annotations

from learnrelay import Fields, Skip, optional, required
from learnrelay.kinds import text

from ..column_kinds import course, flag

STILL_ENROLLED = Skip("the learner stays enrolled by another method")
NOT_KNOWN_TO_BE_LAST = Skip("the row does not say whether the learner stays enrolled by another method")


class EnrolmentFields(Fields):
    """Declares an enrolment and its method: ``manual``, ``self``, ``cohort``."""

    course_id = required("context.courseid", kind=course)
    method = optional("data.enrol", kind=text, example=("manual", "self"))


class UnenrolmentFields(EnrolmentFields):
    """Declares an enrolment that ended; ``was_last``: the learner has no other one in the course."""

    was_last = optional("data.userenrolment.lastenrol", kind=flag, example=(True, "0"))


def why_still_enrolled(enrolment: UnenrolmentFields) -> Skip | None:
    """Returns why the end of an enrolment is not told; None where the learner has left the course."""
    if enrolment.was_last is None:
        return NOT_KNOWN_TO_BE_LAST
    return None if enrolment.was_last else STILL_ENROLLED
