"""Content of libraries that is taken away: the block, and the components that a learner has no more."""

from __future__ import annotations

from learnrelay import Fields, each, required
from learnrelay.kinds import text

from ..library.fields import ComponentFields


class RemovedFields(Fields):
    """Declares a block of a library, or an item bank, with the components that a learner loses."""

    block_id = required(
        "data.location", "context.module.usage_key", kind=text, reason="the block in the course, not a place on earth"
    )
    components = each("data.removed", ComponentFields)
