"""Enrolments: a learner joins a course, changes the mode, leaves."""

from __future__ import annotations

from dataclasses import dataclass

from learnrelay import Family, Said, Site
from learnrelay.openedx.enrollment import EnrollmentFields

from .. import entities

family = Family("caliper.enrollment")


@dataclass(frozen=True, slots=True)
class Membership(entities.OfLearner):
    """The learner's place in the course."""

    course: str
    status: str
    mode: str | None

    def entity(self, learner: str) -> entities.Entity:
        """``Membership`` with member, organization, role and status; the enrolment mode as extension."""
        return {
            "id": f"{self.course}/user/{learner.rpartition('/')[2]}",
            "type": "Membership",
            "member": learner,
            "organization": self.course,
            "roles": ["Learner"],
            "status": self.status,
            "extensions": {"mode": self.mode},
        }


def enrolment(enrollment: EnrollmentFields, site: Site, status: str) -> Said:
    """The course as the object, the enrolment as the membership."""
    course = entities.course(site, enrollment.course_id)
    return {"object": course, "membership": Membership(course["id"], status, enrollment.mode)}


@family.maps(
    "edx.course.enrollment.activated",
    reads=EnrollmentFields, type="Event", action="Activated", profile="GeneralProfile",
)  # fmt: skip
def activated(enrollment: EnrollmentFields, site: Site) -> Said:
    """The learner joins a course."""
    return enrolment(enrollment, site, "Active")


@family.maps(
    "edx.course.enrollment.mode_changed",
    reads=EnrollmentFields, type="Event", action="Modified", profile="GeneralProfile",
)  # fmt: skip
def mode_changed(enrollment: EnrollmentFields, site: Site) -> Said:
    """The learner's enrolment mode changes."""
    return enrolment(enrollment, site, "Active")


@family.maps(
    "edx.course.enrollment.deactivated",
    reads=EnrollmentFields, type="Event", action="Deactivated", profile="GeneralProfile",
)  # fmt: skip
def deactivated(enrollment: EnrollmentFields, site: Site) -> Said:
    """The learner leaves a course."""
    return enrolment(enrollment, site, "Inactive")
