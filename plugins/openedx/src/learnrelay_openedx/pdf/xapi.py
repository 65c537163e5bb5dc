"""PDF documents: downloaded."""

from __future__ import annotations

from learnrelay import Family, Platform
from learnrelay_xapi import vocabulary as v
from learnrelay_xapi.parts import StatementParts

from ..addresses import block_iri
from .fields import DocumentFields

family = Family("xapi.pdf")


@family.maps("edx.pdf.downloaded", reads=DocumentFields, verb=v.DOWNLOADED, activity=v.DOCUMENT)
def downloaded(document: DocumentFields, platform: Platform) -> StatementParts:
    """The learner downloads a document."""
    return {"object": {"id": block_iri(platform, document.block_id)}}
