"""Overridden grades of subsections."""

from __future__ import annotations

from learnrelay import Family, Platform
from learnrelay_caliper import entities
from learnrelay_caliper.entities import Attempt
from learnrelay_caliper.parts import EventParts

from ..addresses import block_iri
from .fields import OverrideFields

family = Family("caliper.grade_overrides")


@family.maps(
    "edx.grades.subsection.score_overridden",
    reads=OverrideFields, type="GradeEvent", action="Graded", profile="GradingProfile", staff=True,
)  # fmt: skip
def subsection_overridden(override: OverrideFields, platform: Platform) -> EventParts:
    """A learner's points for a subsection are overridden, or no longer so, by staff or the platform."""
    item = {"id": block_iri(platform, override.subsection_id), "type": "AssignableDigitalResource"}
    return {
        "actor": entities.ed_app(platform),
        "object": Attempt(item, describes_learner=True),
        "extensions": {"overrideTakenBack": override.taken_back or None},
    }
