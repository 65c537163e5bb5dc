"""Blocks of Problem Builder that are handed in."""

from __future__ import annotations

from collections.abc import Sequence

from learnrelay import Family, Platform
from learnrelay_caliper import entities
from learnrelay_caliper.entities import Attempt, Entity, Score
from learnrelay_caliper.parts import EventParts

from ..addresses import block_iri
from .fields import BuilderFields

family = Family("caliper.problem_builder")


@family.maps(
    "xblock.problem_builder.submitted", "xblock.mentoring.submitted",
    reads=BuilderFields,
    type=("AssessmentEvent", "GradeEvent"),
    action=("Submitted", "Graded"),
    profile=("AssessmentProfile", "GradingProfile"),
)  # fmt: skip
def block_handed_in(block: BuilderFields, platform: Platform) -> Sequence[EventParts]:
    """The learner hands in a block, and the platform grades it; the answers stay out."""
    assessment: Entity = {"id": block_iri(platform, block.block_id), "type": "Assessment", "name": block.title}
    submitted: EventParts = {"object": assessment, "generated": Attempt(assessment["id"], block.attempt)}
    if block.grade is None:
        return [submitted]
    attempt = Attempt(assessment, block.attempt, describes_learner=True)
    graded: EventParts = {
        "type": "GradeEvent",
        "action": "Graded",
        "profile": "GradingProfile",
        "actor": entities.ed_app(platform),
        "object": attempt,
        "generated": Score(attempt, block.grade, 1.0, platform.home_url),
    }
    return [submitted, graded]
