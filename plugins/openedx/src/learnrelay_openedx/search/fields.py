"""Search in a course. What is searched for is not read."""

from __future__ import annotations

from learnrelay import Fields, required

from ..courses import course_key


class CourseSearchFields(Fields):
    """Declares the course that is searched."""

    course_id = required("context.course_id", "data.courserun_key", kind=course_key)
