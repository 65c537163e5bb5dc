"""PDF documents that are blocks of a course."""

from __future__ import annotations

from learnrelay import Fields, required
from learnrelay.kinds import text


class DocumentFields(Fields):
    """Declares the block of a document; the address of its file is not read."""

    block_id = required("context.module.usage_key", kind=text)
