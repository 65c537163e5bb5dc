"""Grades: points for a problem and a subsection, the share of a course, and whether the course is passed."""

from __future__ import annotations

from ..fields import Fields, optional, required
from ..kinds import moment, number, text


class ProblemGradeFields(Fields):
    """Points for one problem, after weighting."""

    problem_id = required("data.problem_id", "data.module_id", kind=text)
    earned = optional("data.weighted_earned", kind=number)
    possible = optional("data.weighted_possible", kind=number)


class SubsectionGradeFields(Fields):
    """Points over all problems of a subsection, after weighting."""

    block_id = required("data.block_id", kind=text)
    earned = optional("data.weighted_total_earned", kind=number)
    possible = optional("data.weighted_total_possible", kind=number)


class CourseGradeFields(Fields):
    """The grade of a course run: a share from 0 to 1, and its name in the grading policy (none below the lowest)."""

    course_id = required("context.course_id", "data.course_id", kind=text)
    percent = optional("data.percent_grade", "data.percent", kind=number)
    letter = optional("data.letter_grade", kind=text)


class CourseStateFields(Fields):
    """A course run that is passed or failed now."""

    course_id = required("context.course_id", "data.course_id", kind=text)
    mode = optional("data.mode", kind=text)


class CourseResultFields(CourseGradeFields):
    """The outcome of a course run. ``graded_at`` is when the platform stored the grade."""

    graded_at = optional("data.modified", "data.passed_timestamp", kind=moment)


class CoursePassedFields(CourseGradeFields):
    """The same of a course run that was passed: when it was first passed counts more than the last change."""

    graded_at = optional("data.passed_timestamp", "data.modified", kind=moment)


class CourseFailedFields(CourseGradeFields):
    """The same of one that was failed: a stored time of passing belongs to an earlier grade."""

    graded_at = optional("data.modified", kind=moment)


NOT_PASSED = "Fail"
"""Name of a grade below the lowest cut-off, for which the platform has none."""


def all_points(earned: float | None, possible: float | None) -> bool | None:
    """Whether all points were earned; None where they are not known, or where there are none to earn.

    >>> all_points(4, 4), all_points(3, 4), all_points(None, 4), all_points(0, 0)
    (True, False, None, None)
    """
    return None if earned is None or possible is None or possible <= 0 else earned >= possible


def letter_of(grade: CourseGradeFields) -> str | None:
    """The name of the grade; None where the event tells no grade at all."""
    return grade.letter or (None if grade.percent is None else NOT_PASSED)
