"""Search in a course, as the server answers it; in the place of the family `search`, else every search counts twice."""

from __future__ import annotations

from learnrelay import Family, Platform, Skip
from learnrelay_caliper.entities import SearchResponse
from learnrelay_caliper.parts import EventParts

from ..caliper_entities import course_content
from ..free_texts import FreeTextSettings, words_of
from .fields import EVERYWHERE, AnsweredSearchFields, AnsweredSearchWordsFields

family = Family("caliper.server_search", settings_schema=FreeTextSettings)


@family.maps(
    "edx.course.search.results_displayed",
    reads=AnsweredSearchFields, reads_if={"texts": AnsweredSearchWordsFields},
    type="SearchEvent", action="Searched", profile="SearchProfile",
)  # fmt: skip
def search_answered(search: AnsweredSearchFields, platform: Platform) -> EventParts | Skip:
    """The learner searches in the course, or turns a page of what was found."""
    if search.course_id is None:
        return EVERYWHERE
    searched = course_content(platform, search.course_id)
    return {
        "object": searched,
        "generated": SearchResponse(searched["id"], search.results, words_of(search)),
        "extensions": {"page": search.page},
    }
