"""Enrolments: a learner joins a course, and leaves it."""

from __future__ import annotations

from learnrelay import Family, Platform, Skip
from learnrelay_caliper import entities
from learnrelay_caliper.entities import Membership
from learnrelay_caliper.parts import EventParts

from ..caliper_entities import GENERAL
from .fields import EnrolmentFields, UnenrolmentFields, why_still_enrolled

family = Family("caliper.moodle_enrolment", critical=True)


def member(enrolment: EnrolmentFields, platform: Platform, status: str) -> EventParts:
    """Makes the course, and the learner's membership in it with the method of the enrolment."""
    course = platform.course_iri(enrolment.course_id)
    return {
        "object": entities.course(platform, enrolment.course_id),
        "membership": Membership(course, status, {"method": enrolment.method}),
    }


@family.maps(r"\core\event\user_enrolment_created", reads=EnrolmentFields, action="Activated", **GENERAL)
def registered(enrolment: EnrolmentFields, platform: Platform) -> EventParts:
    """The learner joins a course."""
    return member(enrolment, platform, "Active")


@family.maps(r"\core\event\user_enrolment_deleted", reads=UnenrolmentFields, action="Deactivated", **GENERAL)
def unregistered(enrolment: UnenrolmentFields, platform: Platform) -> EventParts | Skip:
    """The learner leaves a course: the last enrolment in it has ended."""
    return why_still_enrolled(enrolment) or member(enrolment, platform, "Inactive")
