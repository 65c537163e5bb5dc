"""Search in a course; what is searched for stays out unless the operator lets it out."""

from __future__ import annotations

from learnrelay import Family, Platform
from learnrelay_caliper.entities import search_for
from learnrelay_caliper.parts import EventParts

from ..caliper_entities import course_content
from ..free_texts import FreeTextSettings, words_of
from .fields import CourseSearchFields, CourseSearchWordsFields

family = Family("caliper.search", settings_schema=FreeTextSettings)


@family.maps(
    "edx.course.home.courseware_search.submit",
    reads=CourseSearchFields, reads_if={"texts": CourseSearchWordsFields},
    type="SearchEvent", action="Searched", profile="SearchProfile",
)  # fmt: skip
def course_searched(course: CourseSearchFields, platform: Platform) -> EventParts:
    """The learner searches in the course."""
    searched = course_content(platform, course.course_id)
    return {"object": searched, "generated": search_for(searched["id"], words_of(course))}
