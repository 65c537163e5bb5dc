"""Overridden grades of subsections."""

from __future__ import annotations

from learnrelay import Family, Platform
from learnrelay_xapi import vocabulary as v
from learnrelay_xapi.parts import StatementParts

from .. import xapi_vocabulary as openedx
from ..addresses import block_iri
from .fields import OverrideFields

family = Family("xapi.grade_overrides")


@family.maps(
    "edx.grades.subsection.score_overridden",
    reads=OverrideFields, verb=v.EVALUATED, activity=v.MODULE, instructor=True,
)  # fmt: skip
def subsection_overridden(override: OverrideFields, platform: Platform) -> StatementParts:
    """The learner's points for a subsection are overridden, or no longer so, by staff or the platform."""
    return {
        "object": {"id": block_iri(platform, override.subsection_id)},
        "context": {"extensions": {openedx.OVERRIDE_TAKEN_BACK: override.taken_back or None}},
    }
