"""Google documents and calendars: displayed."""

from __future__ import annotations

from learnrelay import Family, Platform
from learnrelay_xapi import vocabulary as v
from learnrelay_xapi.parts import StatementParts

from ..addresses import block_iri
from .fields import ComponentBlockFields

family = Family("xapi.google_component")


@family.maps("edx.googlecomponent.document.displayed", reads=ComponentBlockFields, verb=v.VIEWED, activity=v.DOCUMENT)
@family.maps("edx.googlecomponent.calendar.displayed", reads=ComponentBlockFields, verb=v.VIEWED, activity=v.WEBPAGE)
def displayed(component: ComponentBlockFields, platform: Platform) -> StatementParts:
    """The learner sees a document or a calendar."""
    return {"object": {"id": block_iri(platform, component.block_id)}}
