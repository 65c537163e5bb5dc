"""Pre-roll videos: loaded, played, stopped, skipped, dismissed for good; captions."""

from __future__ import annotations

from learnrelay import Family, Platform
from learnrelay.times import iso_duration
from learnrelay_caliper.parts import EventKind, EventParts

from ..video.caliper import location
from .fields import PreRollFields, PreRollPositionFields, film_address, host_address

family = Family("caliper.pre_roll")

MEDIA: EventKind = {"type": "MediaEvent", "profile": "MediaProfile"}
SKIPPED: EventKind = {"type": "Event", "action": "Skipped", "profile": "GeneralProfile"}


def film(pre_roll: PreRollFields, platform: Platform) -> EventParts:
    """Makes the film, with the video that follows as referrer."""
    return {
        "object": {
            "id": film_address(pre_roll, platform),
            "type": "VideoObject",
            "duration": iso_duration(pre_roll.duration or None),
        },
        "referrer": {"id": host_address(pre_roll, platform), "type": "VideoObject"},
    }


def at_position(pre_roll: PreRollPositionFields, platform: Platform) -> EventParts:
    """Makes the film at a position."""
    parts = film(pre_roll, platform)
    return {**parts, "target": location({"id": film_address(pre_roll, platform)}, pre_roll.position)}


@family.maps(
    "edx.video.bumper.loaded",
    reads=PreRollFields, type="ViewEvent", action="Viewed", profile="MediaProfile",
)  # fmt: skip
def loaded(pre_roll: PreRollFields, platform: Platform) -> EventParts:
    """The film is ready: the learner sees it, it does not play yet."""
    return film(pre_roll, platform)


@family.maps("edx.video.bumper.played", reads=PreRollPositionFields, action="Started", **MEDIA)
def played(pre_roll: PreRollPositionFields, platform: Platform) -> EventParts:
    """The film plays."""
    return at_position(pre_roll, platform)


@family.maps("edx.video.bumper.stopped", reads=PreRollPositionFields, action="Ended", **MEDIA)
def stopped(pre_roll: PreRollPositionFields, platform: Platform) -> EventParts:
    """The film ends."""
    return at_position(pre_roll, platform)


@family.maps("edx.video.bumper.skipped", reads=PreRollPositionFields, **SKIPPED)
def skipped(pre_roll: PreRollPositionFields, platform: Platform) -> EventParts:
    """The learner skips the film."""
    return at_position(pre_roll, platform)


@family.maps("edx.video.bumper.dismissed", reads=PreRollPositionFields, **SKIPPED)
def dismissed(pre_roll: PreRollPositionFields, platform: Platform) -> EventParts:
    """The learner does not want to see the film again."""
    return {**at_position(pre_roll, platform), "extensions": {"dismissed": True}}


@family.maps(
    "edx.video.bumper.transcript.shown", reads=PreRollPositionFields, action="EnabledClosedCaptioning", **MEDIA
)
def captions_shown(pre_roll: PreRollPositionFields, platform: Platform) -> EventParts:
    """The learner turns captions on."""
    return at_position(pre_roll, platform)


@family.maps(
    "edx.video.bumper.transcript.hidden", reads=PreRollPositionFields, action="DisabledClosedCaptioning", **MEDIA
)
def captions_hidden(pre_roll: PreRollPositionFields, platform: Platform) -> EventParts:
    """The learner turns captions off."""
    return at_position(pre_roll, platform)
