"""Office Mix: slides with a recording, loaded, played, paused, stopped."""

from __future__ import annotations

from learnrelay import Family, Platform, Skip
from learnrelay_xapi import vocabulary as v
from learnrelay_xapi.parts import ActivityParts, StatementParts

from ..addresses import NO_PAGE
from ..video.fields import seconds
from .fields import LoadedMixFields, MixFields, PlayedMixFields, SlideFields, mix_address

family = Family("xapi.office_mix")


@family.maps("microsoft.office.mix.loaded", reads=LoadedMixFields, verb=v.INITIALIZED, activity=v.SLIDE_DECK)
def mix_loaded(mix: LoadedMixFields, platform: Platform) -> StatementParts | Skip:
    """A mix comes into view."""
    address = mix_address(mix, platform)
    if address is None:
        return Skip(NO_PAGE)
    return {"object": {"id": address}, "context": {"extensions": {v.LENGTH: seconds(mix.duration)}}}


@family.maps("microsoft.office.mix.played", reads=PlayedMixFields, verb=v.PLAYED, activity=v.SLIDE_DECK)
@family.maps("microsoft.office.mix.paused", reads=PlayedMixFields, verb=v.PAUSED, activity=v.SLIDE_DECK)
def mix_played(mix: PlayedMixFields, platform: Platform) -> StatementParts | Skip:
    """The learner plays a mix, or pauses it."""
    address = mix_address(mix, platform)
    if address is None:
        return Skip(NO_PAGE)
    return {"object": {"id": address}, "result": {"extensions": {v.TIME: seconds(mix.position)}}}


@family.maps("microsoft.office.mix.stopped", reads=MixFields, verb=v.TERMINATED, activity=v.SLIDE_DECK)
def mix_stopped(mix: MixFields, platform: Platform) -> StatementParts | Skip:
    """A mix is at its end."""
    address = mix_address(mix, platform)
    return Skip(NO_PAGE) if address is None else {"object": {"id": address}}


@family.maps("microsoft.office.mix.slide.loaded", reads=SlideFields, verb=v.VIEWED, activity=v.SLIDE)
def slide_shown(slide: SlideFields, platform: Platform) -> StatementParts | Skip:
    """The learner sees a slide of a mix."""
    address = mix_address(slide, platform)
    if address is None:
        return Skip(NO_PAGE)
    deck: ActivityParts = {"id": address, "objectType": "Activity", "definition": {"type": v.SLIDE_DECK}}
    return {"object": {"id": f"{address}#slide={slide.slide}"}, "context": {"contextActivities": {"parent": [deck]}}}
