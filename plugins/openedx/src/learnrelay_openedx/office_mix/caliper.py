"""Office Mix: slides with a recording, played, paused, stopped. Caliper has no action for one that is loaded."""

from __future__ import annotations

from learnrelay import Family, Platform, Skip
from learnrelay_caliper.parts import EventKind, EventParts

from ..addresses import NO_PAGE
from ..video.caliper import location
from .fields import MixFields, PlayedMixFields, SlideFields, mix_address

family = Family("caliper.office_mix")

MEDIA: EventKind = {"type": "MediaEvent", "profile": "MediaProfile"}


@family.maps("microsoft.office.mix.played", reads=PlayedMixFields, action="Started", **MEDIA)
@family.maps("microsoft.office.mix.paused", reads=PlayedMixFields, action="Paused", **MEDIA)
def mix_played(mix: PlayedMixFields, platform: Platform) -> EventParts | Skip:
    """The learner plays a mix, or pauses it."""
    address = mix_address(mix, platform)
    if address is None:
        return Skip(NO_PAGE)
    media = {"id": address, "type": "MediaObject"}
    return {"object": media, "target": location(media, mix.position)}


@family.maps("microsoft.office.mix.stopped", reads=MixFields, action="Ended", **MEDIA)
def mix_stopped(mix: MixFields, platform: Platform) -> EventParts | Skip:
    """A mix is at its end."""
    address = mix_address(mix, platform)
    return Skip(NO_PAGE) if address is None else {"object": {"id": address, "type": "MediaObject"}}


@family.maps(
    "microsoft.office.mix.slide.loaded",
    reads=SlideFields, type="ViewEvent", action="Viewed", profile="ReadingProfile",
)  # fmt: skip
def slide_shown(slide: SlideFields, platform: Platform) -> EventParts | Skip:
    """The learner sees a slide of a mix."""
    address = mix_address(slide, platform)
    if address is None:
        return Skip(NO_PAGE)
    deck = {"id": address, "type": "MediaObject"}
    return {"object": {"id": f"{address}#slide={slide.slide}", "type": "Page", "isPartOf": deck}}
