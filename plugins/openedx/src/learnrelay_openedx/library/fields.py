"""Content of libraries: the block that gives each learner some of its components, and those that are new."""

from __future__ import annotations

from learnrelay import Fields, Platform, each, optional, required
from learnrelay.kinds import text

from ..addresses import block_iri

_A_BLOCK = "the block in the course, not a place on earth"


class ComponentFields(Fields):
    """Declares a component of the block by its key."""

    usage_key = optional("usage_key", kind=text)


class AssignedFields(Fields):
    """Declares a block of a library, or an item bank, with the components that a learner gets now."""

    block_id = required("data.location", "context.module.usage_key", kind=text, reason=_A_BLOCK)
    components = each("data.added", ComponentFields)


def addresses(components: tuple[ComponentFields, ...], platform: Platform) -> list[str]:
    """Returns the addresses of components."""
    return [block_iri(platform, component.usage_key) for component in components if component.usage_key is not None]
