"""PDF documents: downloaded."""

from __future__ import annotations

from learnrelay import Family, Platform
from learnrelay_caliper.parts import EventParts

from ..addresses import block_iri
from .fields import DocumentFields

family = Family("caliper.pdf")


@family.maps(
    "edx.pdf.downloaded", reads=DocumentFields,
    type="ResourceManagementEvent", action="Downloaded", profile="ResourceManagementProfile",
)  # fmt: skip
def downloaded(document: DocumentFields, platform: Platform) -> EventParts:
    """The learner downloads a document."""
    return {"object": {"id": block_iri(platform, document.block_id), "type": "Document"}}
