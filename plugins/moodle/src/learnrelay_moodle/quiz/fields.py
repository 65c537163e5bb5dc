"""Quizzes: attempts of learners, and their marks."""

from __future__ import annotations

from learnrelay import Fields, required

from ..column_kinds import ABOUT, row_id
from ..grade_columns import GradeColumns

_WHY = "tells the attempts of a learner apart"


class AttemptFields(Fields):
    """Declares an attempt at a quiz."""

    cmid = required("context.contextinstanceid", kind=row_id)
    attempt_id = required("context.objectid", kind=row_id, reason=ABOUT)


class GradedAttemptFields(GradeColumns, AttemptFields):
    """Declares an attempt that got its mark."""


class GradedQuestionFields(GradeColumns):
    """Declares a question that somebody has marked, by its place in the attempt."""

    cmid = required("context.contextinstanceid", kind=row_id)
    attempt_id = required("data.attemptid", kind=row_id, reason=_WHY)
    slot = required("data.slot", kind=row_id)
