"""Content of libraries: components that a learner gets from a library or an item bank."""

from __future__ import annotations

from learnrelay import Family, Platform
from learnrelay_xapi import vocabulary as v
from learnrelay_xapi.parts import ActivityParts, StatementParts

from ..addresses import block_iri
from .fields import AssignedFields, addresses

family = Family("xapi.library")


def components(iris: list[str]) -> list[ActivityParts] | None:
    """Makes activities of addresses."""
    return [{"id": iri, "objectType": "Activity"} for iri in iris] or None


@family.maps(
    "edx.librarycontentblock.content.assigned", "edx.itembankblock.content.assigned",
    reads=AssignedFields, verb=v.WAS_ASSIGNED, activity=v.COLLECTION,
)  # fmt: skip
def content_assigned(assigned: AssignedFields, platform: Platform) -> StatementParts:
    """The learner gets components of a library or an item bank."""
    added = components(addresses(assigned.components, platform))
    return {
        "object": {"id": block_iri(platform, assigned.block_id)},
        "context": {"contextActivities": {"other": added}},
    }
