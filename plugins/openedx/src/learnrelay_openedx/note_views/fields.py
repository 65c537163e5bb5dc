"""Notes that are seen beside the text of a course. Which notes they are is not read."""

from __future__ import annotations

from learnrelay import Fields, required
from learnrelay.kinds import text


class NotesSeenFields(Fields):
    """Declares the page beside whose text the learner's notes appear."""

    page = required("context.page", kind=text, reason="the page is the object, without what may name or admit somebody")
