"""Image explorer: hot spots of a picture."""

from __future__ import annotations

from learnrelay import Fields, Platform, required
from learnrelay.kinds import text

from ..addresses import block_iri


class HotSpotFields(Fields):
    """Declares a hot spot, by its author's name, and the block of its picture."""

    block_id = required("context.module.usage_key", kind=text)
    item = required("data.item_id", kind=text)


def hot_spot_iri(spot: HotSpotFields, platform: Platform) -> str:
    """Returns the address of a hot spot."""
    return block_iri(platform, spot.block_id, "hotspot", spot.item)
