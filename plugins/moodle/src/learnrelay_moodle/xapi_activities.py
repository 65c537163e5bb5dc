"""Makes the parts of statements that families have in common: the activity around a thing, and marks."""

from __future__ import annotations

from learnrelay import Platform
from learnrelay_xapi import vocabulary as v
from learnrelay_xapi.parts import ContextParts, ResultParts, ScoreParts

from . import xapi_vocabulary as moodle
from .addresses import activity_address
from .grade_columns import GradeColumns, is_passed


def inside_activity(platform: Platform, module: str, cmid: str) -> ContextParts:
    """Says in which activity the object is; the course comes from the standard."""
    definition = {"type": moodle.MODULE_TYPES[module]}
    address = activity_address(platform, module, cmid)
    return {"contextActivities": {"parent": [{"id": address, "objectType": "Activity", "definition": definition}]}}


def type_of(module: str | None) -> str | None:
    """Returns the type of a module's activities; None for a module that is not known."""
    return None if module is None else moodle.MODULE_TYPES.get(module)


def of_attempt(platform: Platform, attempt_id: str) -> ContextParts:
    """Says which attempt the statement is about."""
    return {"extensions": {v.ATTEMPT_ID: platform.scoped_key(attempt_id)}}


def mark(grade: GradeColumns) -> ResultParts:
    """Returns the mark, where the export has it; ``success`` only where a pass mark is set."""
    return {
        "score": score_within(grade.grade, grade.grade_min, grade.grade_max),
        "success": is_passed(grade.grade, grade.grade_pass),
    }


def score_within(given: float | None, least: float | None, most: float | None) -> ScoreParts | None:
    """Returns a score; ``raw`` alone where the bounds are not known, or the mark is not between them.

    >>> score_within(15, 10, 20), score_within(3, None, 4)
    ({'min': 10, 'max': 20, 'raw': 15, 'scaled': 0.5}, {'min': 0, 'max': 4, 'raw': 3, 'scaled': 0.75})
    >>> score_within(3, None, None), score_within(5, 0, 4)
    ({'raw': 3}, {'raw': 5})
    """
    if given is None:
        return None
    least = least or 0
    if most is None or not least <= given <= most or least == most:
        return {"raw": given}
    return {"min": least, "max": most, "raw": given, "scaled": (given - least) / (most - least)}
