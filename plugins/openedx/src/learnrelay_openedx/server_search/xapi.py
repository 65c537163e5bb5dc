"""Search in a course, as the server answers it; in the place of the family `search`, else every search counts twice."""

from __future__ import annotations

from learnrelay import Family, Platform, Skip
from learnrelay_xapi import activities
from learnrelay_xapi import vocabulary as v
from learnrelay_xapi.parts import StatementParts

from .. import xapi_vocabulary as openedx
from ..free_texts import FreeTextSettings, words_of
from .fields import EVERYWHERE, AnsweredSearchFields, AnsweredSearchWordsFields

family = Family("xapi.server_search", settings_schema=FreeTextSettings)


@family.maps(
    "edx.course.search.results_displayed",
    reads=AnsweredSearchFields, reads_if={"texts": AnsweredSearchWordsFields},
    verb=v.SEARCHED, activity=v.COURSE, in_course=False,
)  # fmt: skip
def search_answered(search: AnsweredSearchFields, platform: Platform) -> StatementParts | Skip:
    """The learner searches in the course, or turns a page of what was found."""
    if search.course_id is None:
        return EVERYWHERE
    return {
        "object": activities.titled_course(platform, search.course_id),
        "result": {"response": words_of(search), "extensions": {openedx.RESULTS: search.results}},
        "context": {"extensions": {openedx.LIST_PAGE: search.page}},
    }
