"""Enrolments: a learner joins a course, changes the mode, leaves."""

from __future__ import annotations

from learnrelay import Family, Said, Site
from learnrelay.openedx.enrollment import EnrollmentFields

from .. import entities
from ..entities import Membership

family = Family("caliper.enrollment", critical=True)

GENERAL = {"type": "Event", "profile": "GeneralProfile"}


def membership(enrollment: EnrollmentFields, site: Site, status: str) -> Membership:
    """The learner's place in the course, with the enrolment mode."""
    course = entities.course_id(site, enrollment.course_id)
    return Membership(course, status, {"mode": enrollment.mode})


@family.maps("edx.course.enrollment.activated", reads=EnrollmentFields, action="Activated", **GENERAL)
def activated(enrollment: EnrollmentFields, site: Site) -> Said:
    """The learner joins a course."""
    return {
        "object": entities.course(site, enrollment.course_id),
        "membership": membership(enrollment, site, "Active"),
    }


@family.maps("edx.course.enrollment.deactivated", reads=EnrollmentFields, action="Deactivated", **GENERAL)
def deactivated(enrollment: EnrollmentFields, site: Site) -> Said:
    """The learner leaves a course."""
    return {
        "object": entities.course(site, enrollment.course_id),
        "membership": membership(enrollment, site, "Inactive"),
    }


@family.maps("edx.course.enrollment.mode_changed", reads=EnrollmentFields, action="Modified", **GENERAL)
def mode_changed(enrollment: EnrollmentFields, site: Site) -> Said:
    """The learner's enrolment mode changes: the membership is another, the course is not."""
    return {"object": membership(enrollment, site, "Active")}
