"""Completion: how much of a block a learner has done."""

from __future__ import annotations

from learnrelay import Family, Said, Site
from learnrelay.openedx.completion import BlockCompletionFields, is_done, percent_done

from .. import activities
from .. import vocabulary as v

family = Family("xapi.completion", critical=True)


@family.maps(
    "edx.completion.block_completion.changed",
    reads=BlockCompletionFields, verb=v.PROGRESSED, activity=v.RESOURCE,
)  # fmt: skip
def progressed(block: BlockCompletionFields, site: Site) -> Said:
    """The learner has done a block, or a part of it."""
    return {
        "object": {"id": activities.block(site, block.block_id)},
        "result": {"completion": is_done(block), "extensions": {v.PROGRESS: percent_done(block)}},
    }
