"""Enrolments: the learner's place in a course."""

from __future__ import annotations

from learnrelay import Fields, optional, required
from learnrelay.kinds import text

from ..courses import COURSE, course_key


class EnrollmentFields(Fields):
    """Declares what is read of an enrolment."""

    course_id = required(*COURSE, kind=course_key)
    mode = optional("data.mode", kind=text)
