"""Bookmarks. The id of a bookmark begins with the name of its learner, and is not read."""

from __future__ import annotations

from learnrelay import Fields, required
from learnrelay.kinds import text


class BookmarkFields(Fields):
    """Declares the block that is bookmarked."""

    block_id = required("data.component_usage_id", kind=text)
