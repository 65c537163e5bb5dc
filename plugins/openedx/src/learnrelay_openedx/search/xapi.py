"""Search in a course, without what is searched for."""

from __future__ import annotations

from learnrelay import Family, Platform
from learnrelay_xapi import activities
from learnrelay_xapi import vocabulary as v
from learnrelay_xapi.parts import StatementParts

from .fields import CourseSearchFields

family = Family("xapi.search")


@family.maps(
    "edx.course.home.courseware_search.submit",
    reads=CourseSearchFields, verb=v.SEARCHED, activity=v.COURSE, in_course=False,
)  # fmt: skip
def course_searched(course: CourseSearchFields, platform: Platform) -> StatementParts:
    """The learner searches in the course."""
    return {"object": activities.titled_course(platform, course.course_id)}
