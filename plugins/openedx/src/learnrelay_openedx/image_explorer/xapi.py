"""Image explorer: hot spots of a picture that are opened."""

from __future__ import annotations

from learnrelay import Family, Platform
from learnrelay_xapi import vocabulary as v
from learnrelay_xapi.parts import ActivityParts, StatementParts

from ..addresses import block_iri
from .fields import HotSpotFields, hot_spot_iri

family = Family("xapi.image_explorer")


@family.maps("xblock.image-explorer.hotspot.opened", reads=HotSpotFields, verb=v.VIEWED, activity=v.RESOURCE)
def hot_spot_opened(spot: HotSpotFields, platform: Platform) -> StatementParts:
    """The learner opens a hot spot of a picture."""
    iri = block_iri(platform, spot.block_id)
    picture: ActivityParts = {"id": iri, "objectType": "Activity", "definition": {"type": v.RESOURCE}}
    return {
        "object": {"id": hot_spot_iri(spot, platform)},
        "context": {"contextActivities": {"parent": [picture]}},
    }
