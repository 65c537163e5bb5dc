"""Blocks of Problem Builder that are handed in."""

from __future__ import annotations

from learnrelay import Family, Platform
from learnrelay_xapi import activities
from learnrelay_xapi import vocabulary as v
from learnrelay_xapi.parts import StatementParts
from learnrelay_xapi.scores import score

from ..addresses import block_iri
from .fields import BuilderFields

family = Family("xapi.problem_builder")


@family.maps(
    "xblock.problem_builder.submitted", "xblock.mentoring.submitted",
    reads=BuilderFields, verb=v.ATTEMPTED, activity=v.ASSESSMENT,
)  # fmt: skip
def block_handed_in(block: BuilderFields, platform: Platform) -> StatementParts:
    """The learner hands in a block, and the platform grades it; the answers stay out."""
    return {
        "object": {
            "id": block_iri(platform, block.block_id),
            "definition": {"name": activities.text(block.title, platform)},
        },
        "result": {"score": score(block.grade, 1.0)},
        "context": {"extensions": {v.ATTEMPT_ID: block.attempt}},
    }
