"""Drag and drop: items that are put into zones."""

from __future__ import annotations

from learnrelay import Family, Platform, Skip
from learnrelay_xapi import activities
from learnrelay_xapi import vocabulary as v
from learnrelay_xapi.parts import DefinitionParts, ObjectParts, StatementParts

from ..addresses import block_iri
from .fields import IN_THE_BANK, BlockFields, DragAndDropFields, DropFields, drop_in_words, is_in_bank

family = Family("xapi.drag_and_drop")


def interaction(block: DragAndDropFields, platform: Platform, *suffix: str) -> ObjectParts:
    """The block, or one item of it, as an interaction in which things are matched."""
    definition: DefinitionParts = {"name": activities.text(block.title, platform), "interactionType": "matching"}
    return {"id": block_iri(platform, block.block_id, *suffix), "definition": definition}


@family.maps("edx.drag_and_drop_v2.loaded", reads=DragAndDropFields, verb=v.VIEWED, activity=v.INTERACTION)
def board_viewed(block: DragAndDropFields, platform: Platform) -> StatementParts:
    """The learner sees the board."""
    return {"object": interaction(block, platform)}


@family.maps("edx.drag_and_drop_v2.item.dropped", reads=DropFields, verb=v.ANSWERED, activity=v.INTERACTION)
def item_dropped(drop: DropFields, platform: Platform) -> StatementParts | Skip:
    """The learner drops an item in a zone."""
    if is_in_bank(drop):
        return IN_THE_BANK
    return {
        "object": interaction(drop, platform, "item", drop.item_id),
        "result": {"response": drop_in_words(drop), "success": drop.correct},
        "context": {
            "contextActivities": {
                "parent": [
                    {
                        "id": block_iri(platform, drop.block_id),
                        "objectType": "Activity",
                        "definition": {"type": v.INTERACTION, "interactionType": "matching"},
                    }
                ]
            }
        },
    }


@family.maps("edx.drag_and_drop_v2.feedback.opened", reads=BlockFields, verb=v.VIEWED, activity=v.RESOURCE)
def feedback_viewed(block: BlockFields, platform: Platform) -> StatementParts:
    """The learner sees what the course author says of a drop."""
    return {"object": {"id": block_iri(platform, block.block_id, "feedback")}}
