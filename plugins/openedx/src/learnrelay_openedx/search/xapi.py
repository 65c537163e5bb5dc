"""Search in a course; what is searched for stays out unless the operator lets it out."""

from __future__ import annotations

from learnrelay import Family, Platform
from learnrelay_xapi import activities
from learnrelay_xapi import vocabulary as v
from learnrelay_xapi.parts import StatementParts

from ..free_texts import FreeTextSettings, words_of
from .fields import CourseSearchFields, CourseSearchWordsFields

family = Family("xapi.search", settings_schema=FreeTextSettings)


@family.maps(
    "edx.course.home.courseware_search.submit",
    reads=CourseSearchFields, reads_if={"texts": CourseSearchWordsFields},
    verb=v.SEARCHED, activity=v.COURSE, in_course=False,
)  # fmt: skip
def course_searched(course: CourseSearchFields, platform: Platform) -> StatementParts:
    """The learner searches in the course."""
    return {
        "object": activities.titled_course(platform, course.course_id),
        "result": {"response": words_of(course)},
    }
