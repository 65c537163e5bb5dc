"""Content of libraries that is taken away: the platform's doing, after a change of the library or the course."""

from __future__ import annotations

from learnrelay import Family, Platform
from learnrelay_caliper.parts import EventParts

from ..addresses import block_iri
from ..library.fields import addresses
from .fields import RemovedFields

family = Family("caliper.library_removals")


@family.maps(
    "edx.librarycontentblock.content.removed", "edx.itembankblock.content.removed",
    reads=RemovedFields, type="AssignableEvent", action="Deactivated", profile="AssignableProfile",
)  # fmt: skip
def content_removed(removed: RemovedFields, platform: Platform) -> EventParts:
    """Components that the learner had are taken away."""
    return {
        "object": {"id": block_iri(platform, removed.block_id), "type": "AssignableDigitalResource"},
        "extensions": {"removed": addresses(removed.components, platform) or None},
    }
