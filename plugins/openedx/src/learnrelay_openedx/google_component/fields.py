"""Google documents and calendars. Their addresses may admit to private files, and are not read."""

from __future__ import annotations

from learnrelay import Fields, required
from learnrelay.kinds import text


class ComponentBlockFields(Fields):
    """Declares a document or a calendar by its block."""

    block_id = required("context.module.usage_key", kind=text)
