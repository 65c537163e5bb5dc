"""The home of a course: its resumption, goals of the learner, dates that are put off."""

from __future__ import annotations

from learnrelay import Family, Platform, Skip
from learnrelay_caliper import entities
from learnrelay_caliper.parts import EventKind, EventParts

from ..caliper_entities import course_content
from .fields import AS_ANOTHER, CourseHomeFields, ResetDatesFields, ResumeFields

family = Family("caliper.course_home")

GENERAL: EventKind = {"type": "Event", "profile": "GeneralProfile"}


@family.maps(
    "edx.course.home.resume_course.clicked",
    reads=ResumeFields, type="NavigationEvent", action="NavigatedTo", profile="ReadingProfile",
)  # fmt: skip
def course_entered(course: ResumeFields, platform: Platform) -> EventParts:
    """The learner goes on with a course, or begins it."""
    return {"object": course_content(platform, course.course_id), "extensions": {"how": course.how}}


def goal(course: CourseHomeFields, platform: Platform) -> EventParts:
    """Makes the learner's goal for the course; how high it is stays out."""
    return {"object": {"id": f"{platform.course_iri(course.course_id)}/goal", "type": "DigitalResource"}}


@family.maps("edx.course.goal.added", reads=CourseHomeFields, action="Created", **GENERAL)
def goal_set(course: CourseHomeFields, platform: Platform) -> EventParts:
    """The learner sets a goal for the course."""
    return goal(course, platform)


@family.maps("edx.course.goal.updated", reads=CourseHomeFields, action="Modified", **GENERAL)
def goal_changed(course: CourseHomeFields, platform: Platform) -> EventParts:
    """The learner changes the goal for the course."""
    return goal(course, platform)


@family.maps("edx.ui.lms.reset_deadlines.clicked", reads=ResetDatesFields, action="Modified", **GENERAL)
def dates_put_off(course: ResetDatesFields, platform: Platform) -> EventParts | Skip:
    """The learner puts off the dates of the course."""
    if course.as_another:
        return AS_ANOTHER
    return {"object": entities.course(platform, course.course_id)}
