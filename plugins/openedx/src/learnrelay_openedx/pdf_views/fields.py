"""PDF documents in view: the file, and the unit that is drawn with it."""

from __future__ import annotations

from learnrelay import Fields, optional, required
from learnrelay.kinds import text

from ..keys import drawn_unit


class DrawnDocumentFields(Fields):
    """Declares a document by the address of its file; the event does not name its block."""

    url = required("data.url", kind=text, reason="which file it is; no more than `page_address` leaves is published")
    unit = optional(
        "context.path", kind=drawn_unit, reason="the key of the unit alone",
        example=("/xblock/block-v1:Harbour+SAIL+2026+type@vertical+block@c0de",),
    )  # fmt: skip
