"""Enrolments: a learner joins a course, changes the mode, leaves."""

from __future__ import annotations

from learnrelay import Family, Platform
from learnrelay_caliper import entities
from learnrelay_caliper.entities import Membership
from learnrelay_caliper.parts import EventKind, EventParts

from .fields import EnrollmentFields

family = Family("caliper.enrollment", critical=True)

GENERAL: EventKind = {"type": "Event", "profile": "GeneralProfile"}


def membership(enrollment: EnrollmentFields, platform: Platform, status: str) -> Membership:
    """Makes the learner's membership in the course, with the enrolment mode."""
    course = platform.course_iri(enrollment.course_id)
    return Membership(course, status, {"mode": enrollment.mode})


@family.maps("edx.course.enrollment.activated", reads=EnrollmentFields, action="Activated", **GENERAL)
def activated(enrollment: EnrollmentFields, platform: Platform) -> EventParts:
    """The learner joins a course."""
    return {
        "object": entities.course(platform, enrollment.course_id),
        "membership": membership(enrollment, platform, "Active"),
    }


@family.maps("edx.course.enrollment.deactivated", reads=EnrollmentFields, action="Deactivated", **GENERAL)
def deactivated(enrollment: EnrollmentFields, platform: Platform) -> EventParts:
    """The learner leaves a course."""
    return {
        "object": entities.course(platform, enrollment.course_id),
        "membership": membership(enrollment, platform, "Inactive"),
    }


@family.maps("edx.course.enrollment.mode_changed", reads=EnrollmentFields, action="Modified", **GENERAL)
def mode_changed(enrollment: EnrollmentFields, platform: Platform) -> EventParts:
    """The learner's enrolment mode changes: the membership is another, the course is not."""
    return {"object": membership(enrollment, platform, "Active")}
