"""Drag and drop: items that are put into zones."""

from __future__ import annotations

from learnrelay import Family, Platform, Skip
from learnrelay_caliper.entities import Attempt, Entity, Response
from learnrelay_caliper.parts import EventKind, EventParts

from ..addresses import block_iri
from .fields import IN_THE_BANK, DragAndDropFields, DropFields, drop_in_words, is_in_bank

family = Family("caliper.drag_and_drop")

VIEWED: EventKind = {"type": "ViewEvent", "action": "Viewed", "profile": "AssessmentProfile"}
READ: EventKind = {"type": "ViewEvent", "action": "Viewed", "profile": "ReadingProfile"}
ITEM: EventKind = {"type": "AssessmentItemEvent", "action": "Completed", "profile": "AssessmentProfile"}


def board(block: DragAndDropFields, platform: Platform) -> Entity:
    """Makes the board."""
    return {"id": block_iri(platform, block.block_id), "type": "AssessmentItem", "name": block.title}


@family.maps("edx.drag_and_drop_v2.loaded", reads=DragAndDropFields, **VIEWED)
def board_viewed(block: DragAndDropFields, platform: Platform) -> EventParts:
    """The learner sees the board."""
    return {"object": board(block, platform)}


@family.maps("edx.drag_and_drop_v2.item.dropped", reads=DropFields, **ITEM)
def item_dropped(drop: DropFields, platform: Platform) -> EventParts | Skip:
    """The learner drops an item in a zone."""
    if is_in_bank(drop):
        return IN_THE_BANK
    item = block_iri(platform, drop.block_id, "item", drop.item_id)
    response = Response(Attempt(item), "Response", extensions={"answer": drop_in_words(drop), "correct": drop.correct})
    return {"object": {"id": item, "type": "AssessmentItem", "isPartOf": board(drop, platform)}, "generated": response}


@family.maps("edx.drag_and_drop_v2.feedback.opened", reads=DragAndDropFields, **READ)
def feedback_viewed(block: DragAndDropFields, platform: Platform) -> EventParts:
    """The learner sees what the course author says of a drop."""
    iri = block_iri(platform, block.block_id, "feedback")
    return {"object": {"id": iri, "type": "DigitalResource", "isPartOf": board(block, platform)}}
