"""Declares columns with the mark, which an export may join to rows that tell of a grade (docs/moodle.md)."""

from __future__ import annotations

from learnrelay import Fields, optional

from .column_kinds import decimal

_WHY = "the mark is what the statement tells"


class GradeColumns(Fields):
    """Declares the mark, the bounds of marks, and the mark from which the work is passed; 0 for none."""

    grade = optional("context.grade", kind=decimal, reason=_WHY)
    grade_min = optional("context.grade_min", kind=decimal, example=(0, 1))
    grade_max = optional("context.grade_max", kind=decimal)
    grade_pass = optional("context.grade_pass", kind=decimal)


def is_passed(given: float | None, pass_mark: float | None) -> bool | None:
    """Tells whether a mark is one to pass with; None where that is not known, or no pass mark is set.

    >>> is_passed(12, 10), is_passed(8, 10), is_passed(8, 0), is_passed(None, 10)
    (True, False, None, None)
    """
    return None if given is None or pass_mark is None or pass_mark <= 0 else given >= pass_mark
