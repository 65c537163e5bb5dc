"""Assignments: work that is handed in and marked."""

from __future__ import annotations

from learnrelay import Fields, required

from ..column_kinds import ABOUT, row_id
from ..grade_columns import GradeColumns


class AssignmentFields(Fields):
    """Declares an assignment."""

    cmid = required("context.contextinstanceid", kind=row_id)


class SubmissionFields(AssignmentFields):
    """Declares work that is handed in."""

    submission_id = required("context.objectid", kind=row_id, reason=ABOUT)


class GradedSubmissionFields(GradeColumns, AssignmentFields):
    """Declares work that got its mark."""
