"""Search in a course, without what is searched for."""

from __future__ import annotations

from learnrelay import Family, Platform
from learnrelay_caliper.parts import EventParts

from ..caliper_entities import course_content
from .fields import CourseSearchFields

family = Family("caliper.search")


@family.maps(
    "edx.course.home.courseware_search.submit",
    reads=CourseSearchFields, type="SearchEvent", action="Searched", profile="SearchProfile",
)  # fmt: skip
def course_searched(course: CourseSearchFields, platform: Platform) -> EventParts:
    """The learner searches in the course."""
    return {"object": course_content(platform, course.course_id)}
