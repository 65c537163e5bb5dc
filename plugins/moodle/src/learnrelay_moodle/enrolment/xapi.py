"""Enrolments: a learner joins a course, and leaves it."""

from __future__ import annotations

from learnrelay import Family, Platform, Skip
from learnrelay_xapi import activities
from learnrelay_xapi import vocabulary as v
from learnrelay_xapi.parts import StatementParts

from .fields import EnrolmentFields, UnenrolmentFields, why_still_enrolled

family = Family("xapi.moodle_enrolment", critical=True)


@family.maps(
    r"\core\event\user_enrolment_created",
    reads=EnrolmentFields, verb=v.REGISTERED, activity=v.COURSE, in_course=False,
)  # fmt: skip
def registered(enrolment: EnrolmentFields, platform: Platform) -> StatementParts:
    """The learner joins a course."""
    return {"object": activities.titled_course(platform, enrolment.course_id, enrolment.method)}


@family.maps(
    r"\core\event\user_enrolment_deleted",
    reads=UnenrolmentFields, verb=v.UNREGISTERED, activity=v.COURSE, in_course=False,
)  # fmt: skip
def unregistered(enrolment: UnenrolmentFields, platform: Platform) -> StatementParts | Skip:
    """The learner leaves a course: the last enrolment in it has ended."""
    return why_still_enrolled(enrolment) or registered(enrolment, platform)
