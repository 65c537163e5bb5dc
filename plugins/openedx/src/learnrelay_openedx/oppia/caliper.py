"""Oppia explorations: begun, gone on with, completed."""

from __future__ import annotations

from learnrelay import Family, Platform
from learnrelay_caliper.entities import Attempt
from learnrelay_caliper.parts import EventKind, EventParts

from .fields import ExplorationFields, exploration_address

family = Family("caliper.oppia")

ASSIGNABLE: EventKind = {"type": "AssignableEvent", "profile": "AssignableProfile"}


def attempt_at(lesson: ExplorationFields, platform: Platform) -> EventParts:
    """Makes the exploration, and the learner's attempt at it."""
    address = exploration_address(lesson, platform)
    return {"object": {"id": address, "type": "AssignableDigitalResource"}, "generated": Attempt(address)}


@family.maps("oppia.exploration.loaded", reads=ExplorationFields, action="Started", **ASSIGNABLE)
def begun(lesson: ExplorationFields, platform: Platform) -> EventParts:
    """The learner begins an exploration."""
    return attempt_at(lesson, platform)


@family.maps(
    "oppia.exploration.state.changed",
    reads=ExplorationFields, type="NavigationEvent", action="NavigatedTo", profile="AssignableProfile",
)  # fmt: skip
def gone_on(lesson: ExplorationFields, platform: Platform) -> EventParts:
    """The learner goes on in an exploration."""
    return {"object": {"id": exploration_address(lesson, platform), "type": "AssignableDigitalResource"}}


@family.maps("oppia.exploration.completed", reads=ExplorationFields, action="Completed", **ASSIGNABLE)
def completed(lesson: ExplorationFields, platform: Platform) -> EventParts:
    """The learner has completed an exploration."""
    return attempt_at(lesson, platform)
