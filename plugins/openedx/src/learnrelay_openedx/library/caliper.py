"""Content of libraries: components that a learner gets from a library or an item bank."""

from __future__ import annotations

from learnrelay import Family, Platform
from learnrelay_caliper.parts import EventParts

from ..addresses import block_iri
from .fields import AssignedFields, addresses

family = Family("caliper.library")


@family.maps(
    "edx.librarycontentblock.content.assigned", "edx.itembankblock.content.assigned",
    reads=AssignedFields, type="AssignableEvent", action="Activated", profile="AssignableProfile",
)  # fmt: skip
def content_assigned(assigned: AssignedFields, platform: Platform) -> EventParts:
    """The learner gets components of a library or an item bank."""
    return {
        "object": {"id": block_iri(platform, assigned.block_id), "type": "AssignableDigitalResource"},
        "extensions": {"added": addresses(assigned.components, platform) or None},
    }
