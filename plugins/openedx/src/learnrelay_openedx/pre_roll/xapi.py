"""Pre-roll videos: loaded, played, stopped, skipped, dismissed for good; captions."""

from __future__ import annotations

from learnrelay import Family, Platform
from learnrelay_xapi import vocabulary as v
from learnrelay_xapi.parts import ActivityParts, Extensions, StatementParts

from ..video.fields import seconds
from .fields import PreRollFields, PreRollPositionFields, film_address, host_address

family = Family("xapi.pre_roll")


def film(pre_roll: PreRollFields, platform: Platform, extensions: Extensions) -> StatementParts:
    """Makes the film, with the video that follows, and extensions of the result."""
    follows: ActivityParts = {
        "id": host_address(pre_roll, platform),
        "objectType": "Activity",
        "definition": {"type": v.VIDEO},
    }
    return {
        "object": {"id": film_address(pre_roll, platform)},
        "result": {"extensions": extensions},
        "context": {
            "contextActivities": {"other": [follows]},
            "extensions": {v.LENGTH: seconds(pre_roll.duration)},
        },
    }


def at_position(pre_roll: PreRollPositionFields, platform: Platform) -> StatementParts:
    """Makes the film at a position."""
    return film(pre_roll, platform, {v.TIME: seconds(pre_roll.position)})


@family.maps("edx.video.bumper.loaded", reads=PreRollFields, verb=v.INITIALIZED, activity=v.VIDEO)
def loaded(pre_roll: PreRollFields, platform: Platform) -> StatementParts:
    """The film is ready."""
    return film(pre_roll, platform, {})


@family.maps("edx.video.bumper.played", reads=PreRollPositionFields, verb=v.PLAYED, activity=v.VIDEO)
def played(pre_roll: PreRollPositionFields, platform: Platform) -> StatementParts:
    """The film plays."""
    return at_position(pre_roll, platform)


@family.maps("edx.video.bumper.stopped", reads=PreRollPositionFields, verb=v.TERMINATED, activity=v.VIDEO)
def stopped(pre_roll: PreRollPositionFields, platform: Platform) -> StatementParts:
    """The film ends."""
    return at_position(pre_roll, platform)


@family.maps("edx.video.bumper.skipped", reads=PreRollPositionFields, verb=v.SKIPPED, activity=v.VIDEO)
def skipped(pre_roll: PreRollPositionFields, platform: Platform) -> StatementParts:
    """The learner skips the film."""
    return at_position(pre_roll, platform)


@family.maps("edx.video.bumper.dismissed", reads=PreRollPositionFields, verb=v.IGNORED, activity=v.VIDEO)
def dismissed(pre_roll: PreRollPositionFields, platform: Platform) -> StatementParts:
    """The learner does not want to see the film again."""
    return at_position(pre_roll, platform)


@family.maps("edx.video.bumper.transcript.shown", reads=PreRollPositionFields, verb=v.INTERACTED, activity=v.VIDEO)
def captions_shown(pre_roll: PreRollPositionFields, platform: Platform) -> StatementParts:
    """The learner turns captions on."""
    return film(pre_roll, platform, {v.TIME: seconds(pre_roll.position), v.CC_ENABLED: True})


@family.maps("edx.video.bumper.transcript.hidden", reads=PreRollPositionFields, verb=v.INTERACTED, activity=v.VIDEO)
def captions_hidden(pre_roll: PreRollPositionFields, platform: Platform) -> StatementParts:
    """The learner turns captions off."""
    return film(pre_roll, platform, {v.TIME: seconds(pre_roll.position), v.CC_ENABLED: False})
