"""Items of drag and drop that are picked up. Caliper has no action for it."""

from __future__ import annotations

from learnrelay import Family, Platform
from learnrelay_xapi import vocabulary as v
from learnrelay_xapi.parts import StatementParts

from ..addresses import block_iri
from .fields import PickFields

family = Family("xapi.drag_and_drop_moves")


@family.maps("edx.drag_and_drop_v2.item.picked_up", reads=PickFields, verb=v.INTERACTED, activity=v.INTERACTION)
def item_picked_up(pick: PickFields, platform: Platform) -> StatementParts:
    """The learner picks an item up."""
    return {"object": {"id": block_iri(platform, pick.block_id, "item", pick.item_id)}}
