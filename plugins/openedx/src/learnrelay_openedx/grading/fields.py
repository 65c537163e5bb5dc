"""Grades: points for a problem and a subsection, the share of a course, and whether the course is passed."""

from __future__ import annotations

import re

from learnrelay import Fields, Skip, optional, required
from learnrelay.kinds import moment, number, text

from ..courses import COURSE, course_key

_PROBLEMS = (
    "block-v1:Harbour+SAIL+2026+type@problem+block@4f1c", "block-v1:Harbour+SAIL+2026+type@problem+block@9b2e",
    "block-v1:Harbour+SAIL+2026+type@openassessment+block@77aa",
)  # fmt: skip


class TitledProblemFields(Fields):
    """Declares the block whose handler wrote the event, with its title; mostly it is the problem."""

    handled_id = optional(
        "context.module.usage_key", kind=text, reason="whether the title is that of the problem", example=_PROBLEMS
    )
    title = optional("context.module.display_name", kind=text)


class ProblemGradeFields(TitledProblemFields):
    """Points for one problem, after weighting."""

    problem_id = required("data.problem_id", "data.module_id", kind=text, example=_PROBLEMS)
    earned = optional("data.weighted_earned", kind=number, example=(1.5, 3))
    possible = optional("data.weighted_possible", kind=number, example=(0, 4, 8))


class ProblemRegradeFields(Fields):
    """Declares new points for one problem, after weighting, which staff gave or had calculated anew."""

    problem_id = required("data.problem_id", kind=text)
    earned = optional("data.new_weighted_earned", kind=number)
    possible = optional("data.new_weighted_possible", kind=number)


class ProblemStateFields(Fields):
    """Declares a problem, whose state is deleted for a learner."""

    problem_id = required("data.problem_id", kind=text)


class SubsectionGradeFields(Fields):
    """Points over all problems of a subsection, after weighting."""

    block_id = required("data.block_id", kind=text)
    earned = optional("data.weighted_total_earned", kind=number)
    possible = optional("data.weighted_total_possible", kind=number)


class CourseGradeFields(Fields):
    """Declares the grade of a course run: a share from 0 to 1, and its name in the policy (none below the lowest)."""

    course_id = required(*COURSE, kind=course_key)
    percent = optional("data.percent_grade", "data.percent", kind=number)
    letter = optional("data.letter_grade", kind=text)


class CourseRunFields(Fields):
    """Declares a course run that is passed or failed now."""

    course_id = required(*COURSE, kind=course_key)


class CourseStateFields(CourseRunFields):
    """Declares a course run that is passed or failed now, and how the learner is enrolled in it."""

    mode = optional("data.mode", kind=text)


class CourseResultFields(CourseGradeFields):
    """Declares the outcome of a course run. ``graded_at`` is when the platform stored the grade."""

    graded_at = optional("data.modified", "data.passed_timestamp", kind=moment)


class CoursePassedFields(CourseGradeFields):
    """Declares one that was passed: when it was first passed counts more than the last change."""

    graded_at = optional("data.passed_timestamp", "data.modified", kind=moment)


class CourseFailedFields(CourseGradeFields):
    """Declares one that was failed: a stored time of passing belongs to an earlier grade."""

    graded_at = optional("data.modified", kind=moment)


_OPEN_ASSESSMENT = re.compile(r"(?:\+type@|/)openassessment(?:\+block@|/)")

WORK_DELETED = Skip("0 of 0 points for an open assessment: staff deleted the learner's work")
"""Skips what the platform writes as if the learner had handed something in."""


def is_assessed_by_people(grade: ProblemGradeFields) -> bool:
    """Tells whether the points are those of peers or staff, given long after the learner handed something in."""
    return _OPEN_ASSESSMENT.search(grade.problem_id) is not None


def is_work_deleted(grade: ProblemGradeFields) -> bool:
    """Tells whether staff deleted what the learner had handed in: the points go with it."""
    return grade.possible == 0 and is_assessed_by_people(grade)


def title_of(grade: ProblemGradeFields) -> str | None:
    """Returns the problem's title; None where the title in the event is that of another block."""
    return grade.title if grade.handled_id == grade.problem_id else None


NOT_PASSED = "Fail"
"""Name of a grade below the lowest cut-off, for which the platform has none."""


def all_points(earned: float | None, possible: float | None) -> bool | None:
    """Tells whether all points were earned; None where they are not known, or where there are none to earn.

    >>> all_points(4, 4), all_points(3, 4), all_points(None, 4), all_points(0, 0)
    (True, False, None, None)
    """
    return None if earned is None or possible is None or possible <= 0 else earned >= possible


def letter_of(grade: CourseGradeFields) -> str | None:
    """Returns the name of the grade; None where the event has no grade at all."""
    return grade.letter or (None if grade.percent is None else NOT_PASSED)
