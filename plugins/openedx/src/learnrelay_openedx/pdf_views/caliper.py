"""PDF documents in view: one event whenever the unit is drawn, whether the document is read or not."""

from __future__ import annotations

from learnrelay import Family, Platform, Skip
from learnrelay_caliper.parts import EventParts

from ..addresses import NO_PAGE, block_iri, page_address
from .fields import DrawnDocumentFields

family = Family("caliper.pdf_views")


@family.maps(
    "edx.pdf.loaded",
    reads=DrawnDocumentFields, type="ViewEvent", action="Viewed", profile="ReadingProfile",
)  # fmt: skip
def document_drawn(document: DrawnDocumentFields, platform: Platform) -> EventParts | Skip:
    """A document comes into view with its unit."""
    address = page_address(platform, document.url, declared="data.url")
    if address is None:
        return Skip(NO_PAGE)
    return {
        "object": {
            "id": address,
            "type": "Document",
            "isPartOf": None if document.unit is None else block_iri(platform, document.unit),
        },
    }
