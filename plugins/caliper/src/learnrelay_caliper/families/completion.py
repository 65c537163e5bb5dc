"""Completion: how much of a block a learner has done."""

from __future__ import annotations

from learnrelay import Family, Said, Site
from learnrelay.openedx.completion import BlockCompletionFields, is_done, percent_done

from .. import entities
from ..entities import Attempt

family = Family("caliper.completion", critical=True)


@family.maps(
    "edx.completion.block_completion.changed",
    reads=BlockCompletionFields,
    type=("AssignableEvent", "Event"),
    action=("Completed", "Modified"),
    profile=("AssignableProfile", "GeneralProfile"),
)
def progressed(block: BlockCompletionFields, site: Site) -> Said:
    """The learner has done a block (completed), or a part of it: then the work on it is what changed."""
    item = {"id": entities.block_id(site, block.block_id), "type": "AssignableDigitalResource"}
    if is_done(block):
        return {"object": item, "generated": Attempt(item["id"])}
    return {
        "type": "Event",
        "action": "Modified",
        "profile": "GeneralProfile",
        "object": Attempt(item),
        "extensions": {"progress": percent_done(block)},
    }
