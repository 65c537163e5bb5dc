"""PDF documents in view: one event whenever the unit is drawn, whether the document is read or not."""

from __future__ import annotations

from learnrelay import Family, Platform, Skip
from learnrelay_xapi import vocabulary as v
from learnrelay_xapi.parts import StatementParts

from ..addresses import NO_PAGE, block_iri, page_address
from .fields import DrawnDocumentFields

family = Family("xapi.pdf_views")


@family.maps("edx.pdf.loaded", reads=DrawnDocumentFields, verb=v.VIEWED, activity=v.DOCUMENT)
def document_drawn(document: DrawnDocumentFields, platform: Platform) -> StatementParts | Skip:
    """A document comes into view with its unit."""
    address = page_address(platform, document.url, declared="data.url")
    if address is None:
        return Skip(NO_PAGE)
    unit = None if document.unit is None else block_iri(platform, document.unit)
    return {
        "object": {"id": address},
        "context": {
            "contextActivities": {"parent": None if unit is None else [{"id": unit, "objectType": "Activity"}]}
        },
    }
