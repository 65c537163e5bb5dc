"""Finds the course that an event speaks of: where it names none itself, that of its block, or of the page.

What is found here is said in statements and proves nothing: ``belonging.py`` declares what does.
"""

from __future__ import annotations

import re

from learnrelay.caching import cached
from learnrelay.kinds import of_text

from .belonging import courses_in
from .keys import parse_course

COURSE = ("context.course_id", "data.course_id")
"""Where events name their course."""

COURSE_OF_PAGE = ("context.path", "context.page", "context.referer")
"""Where the addresses of an event hold the course, if it names none."""

COURSE_FOUND = (
    *COURSE,
    "context.module.usage_key", "data.problem_id", "data.module_id", "data.usage_key", "data.block_id", "data.id",
    *COURSE_OF_PAGE,
)  # fmt: skip
"""Where the course of an event is found, its blocks and pages included."""

WHERE = "only the key of the course is taken, where the event names none"

_PATH = re.compile(r"[^?#]*")


@cached
def _course_in(text: str) -> str | None:
    named = text.strip()
    if parse_course(named) is not None:
        return named
    path = _PATH.match(named)
    keys = {course.key for course in courses_in(path[0] if path else "")}
    courses = {key for key in keys if (parsed := parse_course(key)) and parsed.kind != "library"}
    return courses.pop() if len(courses) == 1 else None


course_key = of_text(_course_in, "a course key")
"""Reads a course key; of a block's key or a page's address, the course in it: a kind for fields.

Addresses lead to other courses in their parameters, which are not read.

>>> course_key("course-v1:Harbour+SAIL+2026 "), course_key("https://learn.example.org/courses/Harbour/KNOTS/2013/info")
('course-v1:Harbour+SAIL+2026', 'Harbour/KNOTS/2013')
>>> course_key("block-v1:Harbour+SAIL+2026+type@video+block@tacking"), course_key("i4x://Harbour/KNOTS/video/reef")
('course-v1:Harbour+SAIL+2026', None)
"""
