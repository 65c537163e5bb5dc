"""Competencies and learning plans: a learner is rated, and completes a plan."""

from __future__ import annotations

from learnrelay import Family, Platform, Skip
from learnrelay_xapi import vocabulary as v
from learnrelay_xapi.parts import StatementParts

from .. import xapi_vocabulary as moodle
from .fields import PlanFields, RatingFields, competency_address, plan_address

family = Family("xapi.moodle_competency")


@family.maps(
    r"\core\event\competency_user_competency_rated", r"\core\event\competency_user_competency_rated_in_course",
    reads=RatingFields, verb=v.EVALUATED, activity=moodle.OBJECTIVE,
)  # fmt: skip
def rated(rating: RatingFields, platform: Platform) -> StatementParts | Skip:
    """The learner is rated in a competency; what a position in the scale is worth is not in the row."""
    address = competency_address(rating, platform)
    if isinstance(address, Skip):
        return address
    position = None if rating.position is None else int(rating.position)
    return {
        "object": {"id": address},
        "result": {"extensions": {moodle.SCALE_POSITION: position}},
    }


@family.maps(
    r"\core\event\competency_plan_completed",
    reads=PlanFields, verb=v.COMPLETED, activity=moodle.LEARNING_PLAN,
)  # fmt: skip
def plan_completed(plan: PlanFields, platform: Platform) -> StatementParts:
    """The learner completes a learning plan."""
    return {"object": {"id": plan_address(plan, platform)}, "result": {"completion": True}}
