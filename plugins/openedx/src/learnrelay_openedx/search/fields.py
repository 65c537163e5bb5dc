"""Search in a course. What is searched for is read only where `texts` is on."""

from __future__ import annotations

from learnrelay import Fields, optional, required
from learnrelay.kinds import text

from ..courses import course_key
from ..free_texts import FREE_TEXT


class CourseSearchFields(Fields):
    """Declares the course that is searched."""

    course_id = required("context.course_id", "data.courserun_key", kind=course_key)


class CourseSearchWordsFields(CourseSearchFields):
    """Declares the words that a course is searched for."""

    words = optional("data.keyword", kind=text, reason=FREE_TEXT)
