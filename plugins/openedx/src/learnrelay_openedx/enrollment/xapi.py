"""Enrolments: a learner joins a course, changes the mode, leaves."""

from __future__ import annotations

from learnrelay import Family, Platform
from learnrelay_xapi import activities
from learnrelay_xapi import vocabulary as v
from learnrelay_xapi.parts import StatementParts

from .fields import EnrollmentFields

family = Family("xapi.enrollment", critical=True)


@family.maps(
    "edx.course.enrollment.activated", "edx.course.enrollment.mode_changed",
    reads=EnrollmentFields, verb=v.REGISTERED, activity=v.COURSE, in_course=False,
)  # fmt: skip
def registered(enrollment: EnrollmentFields, platform: Platform) -> StatementParts:
    """The learner joins a course, or changes the mode of the enrolment."""
    return {"object": activities.titled_course(platform, enrollment.course_id, enrollment.mode)}


@family.maps(
    "edx.course.enrollment.deactivated",
    reads=EnrollmentFields, verb=v.UNREGISTERED, activity=v.COURSE, in_course=False,
)  # fmt: skip
def unregistered(enrollment: EnrollmentFields, platform: Platform) -> StatementParts:
    """The learner leaves a course."""
    return {"object": activities.titled_course(platform, enrollment.course_id, enrollment.mode)}
