"""Search in a course, as the server answers it: with the number of results, where the browser's event has none."""

from __future__ import annotations

from learnrelay import Fields, Skip, optional
from learnrelay.kinds import count, text

from ..courses import COURSE_FOUND, WHERE, course_key
from ..free_texts import FREE_TEXT

EVERYWHERE = Skip("a search in all courses")


class AnsweredSearchFields(Fields):
    """Declares the course that is searched, the page of results from 0, and how many there are on all pages."""

    course_id = optional(*COURSE_FOUND, kind=course_key, reason=WHERE)
    page = optional("data.page_number", kind=count)
    results = optional("data.results_count", kind=count)


class AnsweredSearchWordsFields(AnsweredSearchFields):
    """Declares the words that a course is searched for."""

    words = optional("data.search_term", kind=text, reason=FREE_TEXT)
