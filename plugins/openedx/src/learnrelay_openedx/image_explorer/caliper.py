"""Image explorer: hot spots of a picture that are opened."""

from __future__ import annotations

from learnrelay import Family, Platform
from learnrelay_caliper.parts import EventParts

from ..addresses import block_iri
from .fields import HotSpotFields, hot_spot_iri

family = Family("caliper.image_explorer")


@family.maps(
    "xblock.image-explorer.hotspot.opened",
    reads=HotSpotFields, type="ViewEvent", action="Viewed", profile="ReadingProfile",
)  # fmt: skip
def hot_spot_opened(spot: HotSpotFields, platform: Platform) -> EventParts:
    """The learner opens a hot spot of a picture."""
    picture = {"id": block_iri(platform, spot.block_id), "type": "DigitalResource"}
    return {"object": {"id": hot_spot_iri(spot, platform), "type": "DigitalResource", "isPartOf": picture}}
