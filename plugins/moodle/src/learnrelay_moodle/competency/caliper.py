"""Competencies and learning plans: a learner is rated, and completes a plan."""

from __future__ import annotations

from learnrelay import Family, Platform, Skip
from learnrelay_caliper import entities
from learnrelay_caliper.entities import Attempt, Score
from learnrelay_caliper.parts import EventParts

from ..caliper_entities import GENERAL, GRADED
from .fields import PlanFields, RatingFields, competency_address, plan_address

family = Family("caliper.moodle_competency")


@family.maps(
    r"\core\event\competency_user_competency_rated", r"\core\event\competency_user_competency_rated_in_course",
    reads=RatingFields, **GRADED,
)  # fmt: skip
def rated(rating: RatingFields, platform: Platform) -> EventParts | Skip:
    """The learner is rated in a competency: who rates is not told, the learner is the attempt's assignee."""
    address = competency_address(rating, platform)
    if isinstance(address, Skip):
        return address
    attempt = Attempt({"id": address, "type": "AssignableDigitalResource"}, describes_learner=True)
    position = None if rating.position is None else int(rating.position)
    score = Score(attempt, None, None, platform.home_url, {"scalePosition": position})
    return {"actor": entities.ed_app(platform), "object": attempt, "generated": score}


@family.maps(r"\core\event\competency_plan_completed", reads=PlanFields, action="Completed", **GENERAL)
def plan_completed(plan: PlanFields, platform: Platform) -> EventParts:
    """The learner completes a learning plan."""
    return {"object": {"id": plan_address(plan, platform), "type": "DigitalResourceCollection"}}
