"""The gradebook: a learner gets a mark for an activity, or for a course."""

from __future__ import annotations

from learnrelay import Family, Platform, Skip
from learnrelay_caliper.entities import Attempt
from learnrelay_caliper.parts import EventParts

from .. import caliper_entities as moodle
from .fields import GradebookFields, graded_address

family = Family("caliper.moodle_gradebook")


@family.maps(r"\core\event\user_graded", reads=GradebookFields, **moodle.GRADED)
def graded(item: GradebookFields, platform: Platform) -> EventParts | Skip:
    """The learner gets a mark."""
    address = graded_address(item, platform)
    if isinstance(address, Skip):
        return address
    # a course is an organisation in Caliper: what is worked through is its content
    resource = f"{address}#region-main" if item.item_type == "course" else address
    work = Attempt({"id": resource, "type": "AssignableDigitalResource"}, describes_learner=True)
    return moodle.graded(work, item.grade, item.grade_max, platform)
