"""Pages that are left."""

from __future__ import annotations

from learnrelay import Fields, required
from learnrelay.kinds import text


class ClosedPageFields(Fields):
    """Declares a page by its address."""

    page = required(
        "context.page", kind=text, reason="which page it is; no more than `page_address` leaves is published"
    )
