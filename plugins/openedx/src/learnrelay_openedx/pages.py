"""Requests to pages of courses: the platform logs each request as an event whose name is the path.

A request is a page view if its path has one of these forms as a whole: the key of the course, the platform's own words,
the names that course authors' blocks have in addresses. Calls of programs, handlers and forms have others.
"""

from __future__ import annotations

import re
from typing import Any

from learnrelay import RequestNames

from .addresses import COURSE_FORM, NAME_FORM
from .keys import block_key

_COURSE = rf"/courses/({COURSE_FORM})"
_SECTION = rf"{_COURSE}/courseware/({NAME_FORM})/?"
_SUBSECTION = rf"{_COURSE}/courseware/{NAME_FORM}/({NAME_FORM})(?:/([0-9]{{1,4}}))?/?"
_TAB = rf"{_COURSE}/([0-9a-f]{{32}})/?"
_UNIT = rf"/xblock/(?:ccx-)?block-v1:{NAME_FORM}(?:\+[\w.~@-]+){{2,3}}\+type@vertical\+block@{NAME_FORM}"

PAGES = RequestNames(
    longest=1_024,
    forms={
        "openedx.page.subsection.viewed": _SUBSECTION,
        "openedx.page.section.viewed": _SECTION,
        "openedx.page.courseware.viewed": rf"{_COURSE}/courseware/?",
        "openedx.page.home.viewed": rf"{_COURSE}/(?:info|course)/?",
        "openedx.page.progress.viewed": rf"{_COURSE}/progress/?",
        "openedx.page.dates.viewed": rf"{_COURSE}/dates/?",
        "openedx.page.forum.viewed": rf"{_COURSE}/discussion/forum/?",
        "openedx.page.wiki.viewed": rf"{_COURSE}/wiki(?:/(?!_){NAME_FORM}){{0,16}}/?",
        "openedx.page.tab.viewed": _TAB,
        "openedx.page.unit.viewed": _UNIT,
    },
    key="path",
)
"""Requests that open a page. In a wiki, ``/_edit`` and the like are work on a page; ``/progress/ID`` is another's."""


def _groups(form: str, path: Any) -> tuple[str, ...] | None:
    match = re.fullmatch(form, path) if type(path) is str and len(path) <= PAGES.longest else None
    return match and match.groups()


def section(path: Any) -> str | None:
    """Reads the key of a section from the path of its page: a kind for fields.

    >>> section("/courses/course-v1:Harbour+SAIL+2026/courseware/knots/")
    'block-v1:Harbour+SAIL+2026+type@chapter+block@knots'
    """
    named = _groups(_SECTION, path)
    return block_key(named[0], "chapter", named[1]) if named else None


def subsection(path: Any) -> str | None:
    """Reads the key of a subsection from the path of its page: a kind for fields.

    >>> subsection("/courses/Harbour/SAIL/2013/courseware/knots/bowline/2")
    'i4x://Harbour/SAIL/sequential/bowline'
    """
    named = _groups(_SUBSECTION, path)
    return block_key(named[0], "sequential", named[1]) if named else None


def position(path: Any) -> int | None:
    """Reads the position of a unit, from 1, from the path of a subsection's page: a kind for fields."""
    named = _groups(_SUBSECTION, path)
    return int(named[2]) if named and named[2] and int(named[2]) else None


def tab(path: Any) -> str | None:
    """Reads the id of a course author's tab from the path of its page: a kind for fields."""
    named = _groups(_TAB, path)
    return named[1] if named else None
