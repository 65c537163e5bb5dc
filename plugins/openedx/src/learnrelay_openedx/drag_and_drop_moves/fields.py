"""Items of drag and drop that are picked up: one event for each grab."""

from __future__ import annotations

from learnrelay import Fields, required
from learnrelay.kinds import identifier, text


class PickFields(Fields):
    """Declares the block, and the item, counted from 0."""

    block_id = required("context.module.usage_key", kind=text)
    item_id = required("data.item_id", kind=identifier, example=(0, 3))
