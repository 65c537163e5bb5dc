"""Activities of all modules: a learner opens and completes them."""

from __future__ import annotations

from collections.abc import Callable

from learnrelay import Family, Platform, Skip
from learnrelay_xapi import vocabulary as v
from learnrelay_xapi.parts import StatementParts

from .. import xapi_vocabulary as moodle
from ..addresses import activity_address
from ..xapi_activities import type_of
from .fields import MODULES, ActivityCompletionFields, ActivityViewFields, address_of, success, why_not_complete

family = Family("xapi.moodle_activity")


def viewing(module: str) -> Callable[[ActivityViewFields, Platform], StatementParts]:
    """Makes the mapping of an activity of this module that is opened."""

    def viewed(activity: ActivityViewFields, platform: Platform) -> StatementParts:
        """The learner opens an activity."""
        return {"object": {"id": activity_address(platform, module, activity.cmid)}}

    return viewed


for name in MODULES:
    event = rf"\mod_{name}\event\course_module_viewed"
    family.maps(event, reads=ActivityViewFields, verb=v.VIEWED, activity=moodle.MODULE_TYPES[name])(viewing(name))


@family.maps(
    r"\core\event\course_module_completion_updated",
    reads=ActivityCompletionFields, verb=(v.COMPLETED, v.PASSED, v.FAILED), activity=v.RESOURCE,
)  # fmt: skip
def completed(activity: ActivityCompletionFields, platform: Platform) -> StatementParts | Skip:
    """The learner completes an activity, and passes it or fails."""
    if reason := why_not_complete(activity):
        return reason
    passed = success(activity)
    return {
        "verb": v.COMPLETED if passed is None else v.PASSED if passed else v.FAILED,
        "object": {
            "id": address_of(activity, platform),
            "definition": {"type": type_of(activity.module)},
        },
        "result": {"completion": True, "success": passed},
    }
