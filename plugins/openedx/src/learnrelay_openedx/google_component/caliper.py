"""Google documents and calendars: displayed."""

from __future__ import annotations

from learnrelay import Family, Platform
from learnrelay_caliper.parts import EventKind, EventParts

from ..addresses import block_iri
from .fields import ComponentBlockFields

family = Family("caliper.google_component")

VIEWED: EventKind = {"type": "ViewEvent", "action": "Viewed", "profile": "ReadingProfile"}


@family.maps("edx.googlecomponent.document.displayed", reads=ComponentBlockFields, **VIEWED)
def document_displayed(component: ComponentBlockFields, platform: Platform) -> EventParts:
    """The learner sees a document."""
    return {"object": {"id": block_iri(platform, component.block_id), "type": "Document"}}


@family.maps("edx.googlecomponent.calendar.displayed", reads=ComponentBlockFields, **VIEWED)
def calendar_displayed(component: ComponentBlockFields, platform: Platform) -> EventParts:
    """The learner sees a calendar."""
    return {"object": {"id": block_iri(platform, component.block_id), "type": "WebPage"}}
