"""Courses: their pages, their sections, and that they are completed."""

from __future__ import annotations

from learnrelay import Fields, Skip, optional, required

from ..column_kinds import ABOUT, course, row_id

FRONT_PAGE = Skip("the front page is no course")


class CourseViewFields(Fields):
    """Declares a course that is opened; none for the front page."""

    course_id = optional("context.courseid", kind=course)


class SectionViewFields(Fields):
    """Declares a section that is opened."""

    section_id = required("context.objectid", kind=row_id, reason=ABOUT)


class CourseCompletionFields(Fields):
    """Declares a course that is completed."""

    course_id = required("context.courseid", kind=course)
