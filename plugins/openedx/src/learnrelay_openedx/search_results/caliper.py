"""Results of searches in a course that are opened."""

from __future__ import annotations

from learnrelay import Family, Platform
from learnrelay_caliper.parts import EventParts

from ..addresses import block_iri
from .fields import ChosenResultFields

family = Family("caliper.search_results")


@family.maps(
    "edx.course.search.result_selected",
    reads=ChosenResultFields, type="NavigationEvent", action="NavigatedTo", profile="ReadingProfile",
)  # fmt: skip
def result_opened(result: ChosenResultFields, platform: Platform) -> EventParts:
    """The learner opens a result of a search."""
    return {"object": {"id": block_iri(platform, result.block_id), "type": "DigitalResource"}}
