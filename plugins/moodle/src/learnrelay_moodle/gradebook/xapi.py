"""The gradebook: a learner gets a mark for an activity, or for a course."""

from __future__ import annotations

from learnrelay import Family, Platform, Skip
from learnrelay_xapi import vocabulary as v
from learnrelay_xapi.parts import StatementParts

from .. import xapi_vocabulary as moodle
from ..grade_columns import is_passed
from ..xapi_activities import score_within, type_of
from .fields import GradebookFields, graded_address

family = Family("xapi.moodle_gradebook")


@family.maps(r"\core\event\user_graded", reads=GradebookFields, verb=moodle.SCORED, activity=v.RESOURCE)
def graded(item: GradebookFields, platform: Platform) -> StatementParts | Skip:
    """The learner gets a mark."""
    address = graded_address(item, platform)
    if isinstance(address, Skip):
        return address
    kind = v.COURSE if item.item_type == "course" else type_of(item.module)
    return {
        "object": {"id": address, "definition": {"type": kind}},
        "result": {
            "score": score_within(item.grade, item.grade_min, item.grade_max),
            "success": is_passed(item.grade, item.grade_pass),
        },
    }
