"""Results of searches in a course that are opened."""

from __future__ import annotations

from learnrelay import Family, Platform
from learnrelay_xapi import vocabulary as v
from learnrelay_xapi.parts import StatementParts

from ..addresses import block_iri
from .fields import ChosenResultFields

family = Family("xapi.search_results")


@family.maps("edx.course.search.result_selected", reads=ChosenResultFields, verb=v.NAVIGATED, activity=v.RESOURCE)
def result_opened(result: ChosenResultFields, platform: Platform) -> StatementParts:
    """The learner opens a result of a search."""
    return {"object": {"id": block_iri(platform, result.block_id)}}
