"""Activities of all modules: a learner opens and completes them."""

from __future__ import annotations

from collections.abc import Callable

from learnrelay import Family, Platform, Skip
from learnrelay_caliper.entities import Attempt
from learnrelay_caliper.parts import EventParts

from .. import caliper_entities as moodle
from .fields import MODULES, ActivityCompletionFields, ActivityViewFields, address_of, success, why_not_complete

family = Family("caliper.moodle_activity")

PROFILES = {
    "AssignableDigitalResource": "AssignableProfile",
    "Assessment": "AssessmentProfile",
    "Forum": "ForumProfile",
    "Questionnaire": "SurveyProfile",
}
"""Type of an activity → profile in which it is opened; else it is read."""


def viewing(module: str) -> Callable[[ActivityViewFields, Platform], EventParts]:
    """Makes the mapping of an activity of this module that is opened."""

    def viewed(activity: ActivityViewFields, platform: Platform) -> EventParts:
        """The learner opens an activity."""
        return {"object": moodle.activity(platform, module, activity.cmid)}

    return viewed


for name in MODULES:
    event = rf"\mod_{name}\event\course_module_viewed"
    profile = PROFILES.get(moodle.MODULE_TYPES[name], "ReadingProfile")
    family.maps(
        event, reads=ActivityViewFields, type="NavigationEvent", action="NavigatedTo", profile=profile
    )(viewing(name))  # fmt: skip


@family.maps(
    r"\core\event\course_module_completion_updated",
    reads=ActivityCompletionFields, type="AssignableEvent", action="Completed", profile="AssignableProfile",
)  # fmt: skip
def completed(activity: ActivityCompletionFields, platform: Platform) -> EventParts | Skip:
    """The learner completes an activity, and passes it or fails."""
    if reason := why_not_complete(activity):
        return reason
    resource = {"id": address_of(activity, platform), "type": "AssignableDigitalResource"}
    return {"object": resource, "generated": Attempt(resource["id"]), "extensions": {"passed": success(activity)}}
