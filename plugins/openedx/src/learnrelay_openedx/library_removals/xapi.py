"""Content of libraries that is taken away: the platform's doing, after a change of the library or the course."""

from __future__ import annotations

from learnrelay import Family, Platform
from learnrelay_xapi import vocabulary as v
from learnrelay_xapi.parts import StatementParts

from ..addresses import block_iri
from ..library.fields import addresses
from ..library.xapi import components
from .fields import RemovedFields

family = Family("xapi.library_removals")


@family.maps(
    "edx.librarycontentblock.content.removed", "edx.itembankblock.content.removed",
    reads=RemovedFields, verb=v.TAKEN_AWAY, activity=v.COLLECTION,
)  # fmt: skip
def content_removed(removed: RemovedFields, platform: Platform) -> StatementParts:
    """Components that the learner had are taken away."""
    return {
        "object": {"id": block_iri(platform, removed.block_id)},
        "context": {"contextActivities": {"other": components(addresses(removed.components, platform))}},
    }
