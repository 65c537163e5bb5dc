"""Enrolments: a learner joins a course, changes the mode, leaves."""

from __future__ import annotations

from learnrelay import Family, Said, Site
from learnrelay.openedx.enrollment import EnrollmentFields

from .. import activities
from .. import vocabulary as v

family = Family("xapi.enrollment", critical=True)


@family.maps(
    "edx.course.enrollment.activated", "edx.course.enrollment.mode_changed",
    reads=EnrollmentFields, verb=v.REGISTERED, activity=v.COURSE, in_course=False,
)  # fmt: skip
def registered(enrollment: EnrollmentFields, site: Site) -> Said:
    """The learner joins a course, or changes the mode of the enrolment."""
    return {"object": activities.titled_course(site, enrollment.course_id, enrollment.mode)}


@family.maps(
    "edx.course.enrollment.deactivated",
    reads=EnrollmentFields, verb=v.UNREGISTERED, activity=v.COURSE, in_course=False,
)  # fmt: skip
def unregistered(enrollment: EnrollmentFields, site: Site) -> Said:
    """The learner leaves a course."""
    return {"object": activities.titled_course(site, enrollment.course_id, enrollment.mode)}
