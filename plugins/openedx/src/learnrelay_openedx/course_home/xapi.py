"""The home of a course: its resumption, goals of the learner, dates that are put off."""

from __future__ import annotations

from learnrelay import Family, Platform, Skip
from learnrelay_xapi import activities
from learnrelay_xapi import vocabulary as v
from learnrelay_xapi.parts import StatementParts

from .fields import AS_ANOTHER, CourseHomeFields, ResetDatesFields, ResumeFields, UpdateFields

family = Family("xapi.course_home")


@family.maps(
    "edx.course.home.resume_course.clicked",
    reads=ResumeFields, verb=(v.RESUMED, v.INITIALIZED), activity=v.COURSE, in_course=False,
)  # fmt: skip
def course_entered(course: ResumeFields, platform: Platform) -> StatementParts:
    """The learner goes on with a course, or begins it."""
    return {
        "verb": v.INITIALIZED if course.how == "start" else v.RESUMED,
        "object": activities.titled_course(platform, course.course_id),
    }


@family.maps("edx.course.goal.added", reads=CourseHomeFields, verb=v.DEFINED, activity=v.GOAL)
def goal_set(course: CourseHomeFields, platform: Platform) -> StatementParts:
    """The learner sets a goal for the course."""
    return {"object": {"id": f"{platform.course_iri(course.course_id)}/goal"}}


@family.maps("edx.course.goal.updated", reads=CourseHomeFields, verb=v.UPDATED, activity=v.GOAL)
def goal_changed(course: CourseHomeFields, platform: Platform) -> StatementParts:
    """The learner changes the goal for the course."""
    return {"object": {"id": f"{platform.course_iri(course.course_id)}/goal"}}


@family.maps(
    "edx.ui.lms.reset_deadlines.clicked",
    reads=ResetDatesFields, verb=v.UPDATED, activity=v.COURSE, in_course=False,
)  # fmt: skip
def dates_put_off(course: ResetDatesFields, platform: Platform) -> StatementParts | Skip:
    """The learner puts off the dates of the course."""
    if course.as_another:
        return AS_ANOTHER
    return {"object": activities.titled_course(platform, course.course_id)}


@family.maps("edx.course.home.course_update.toggled", reads=UpdateFields, verb=v.INTERACTED, activity=v.WEBPAGE)
def news_toggled(news: UpdateFields, platform: Platform) -> StatementParts:
    """The learner shows or hides the news of the course on its home."""
    return {
        "object": {"id": platform.iri("courses", news.course_id, "course/updates")},
        "context": {"extensions": {v.TYPE: news.action}},
    }
