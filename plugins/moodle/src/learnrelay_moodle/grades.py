"""Lists the events that tell grades: those of the gradebook, and those of the activities. One of the two is told.

A mark that an activity gives comes a second time from the gradebook. Some marks have only the gradebook's row: those of
whole courses, and those of activities that tell none themselves.
"""

from __future__ import annotations

from typing import Literal

from learnrelay import Fields, Skip, optional
from learnrelay.kinds import text

GradeSource = Literal["activities", "gradebook"]

_BY_GRADEBOOK = r"\core\event\user_graded"
_BY_ACTIVITIES = frozenset(
    {
        r"\mod_assign\event\submission_graded",
        r"\mod_lesson\event\essay_assessed",
        r"\mod_quiz\event\attempt_graded",
        r"\mod_quiz\event\attempt_manual_grading_completed",
        r"\mod_quiz\event\attempt_regraded",
        r"\mod_scorm\event\scoreraw_submitted",
        r"\mod_workshop\event\assessment_evaluated",
    }
)
_MODULES = frozenset(name.split("\\")[1].removeprefix("mod_") for name in _BY_ACTIVITIES)

FROM_ACTIVITIES = Skip("grades are told by the activities, and not by the gradebook")
FROM_GRADEBOOK = Skip("grades are told by the gradebook, and not by the activities")


class GradedItem(Fields):
    """Declares of which module the activity is that a mark of the gradebook is about."""

    graded_module = optional("context.grade_itemmodule", kind=text, example=("h5pactivity", "quiz"))


def why_no_grade(name: str, item: GradedItem, told_by: GradeSource) -> Skip | None:
    """Returns why a grade is not told; None for one that is, and for events that tell no grade."""
    if told_by == "activities":
        return FROM_ACTIVITIES if name == _BY_GRADEBOOK and item.graded_module in _MODULES else None
    return FROM_GRADEBOOK if name in _BY_ACTIVITIES else None
