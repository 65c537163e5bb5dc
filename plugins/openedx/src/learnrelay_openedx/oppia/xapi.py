"""Oppia explorations: begun, gone on with, completed."""

from __future__ import annotations

from learnrelay import Family, Platform
from learnrelay_xapi import vocabulary as v
from learnrelay_xapi.parts import StatementParts

from .fields import ExplorationFields, exploration_address

family = Family("xapi.oppia")


@family.maps("oppia.exploration.loaded", reads=ExplorationFields, verb=v.INITIALIZED, activity=v.LESSON)
def begun(lesson: ExplorationFields, platform: Platform) -> StatementParts:
    """The learner begins an exploration."""
    return {"object": {"id": exploration_address(lesson, platform)}}


@family.maps("oppia.exploration.state.changed", reads=ExplorationFields, verb=v.PROGRESSED, activity=v.LESSON)
def gone_on(lesson: ExplorationFields, platform: Platform) -> StatementParts:
    """The learner goes on in an exploration."""
    return {"object": {"id": exploration_address(lesson, platform)}}


@family.maps("oppia.exploration.completed", reads=ExplorationFields, verb=v.COMPLETED, activity=v.LESSON)
def completed(lesson: ExplorationFields, platform: Platform) -> StatementParts:
    """The learner has completed an exploration."""
    return {"object": {"id": exploration_address(lesson, platform)}, "result": {"completion": True}}
