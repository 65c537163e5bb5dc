"""Enrolments: the learner's place in a course."""

from __future__ import annotations

from ..fields import Fields, optional, required
from ..kinds import text


class EnrollmentFields(Fields):
    """What an enrolment event tells."""

    course_id = required("context.course_id", "data.course_id", kind=text)
    mode = optional("data.mode", kind=text)
