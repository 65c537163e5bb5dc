"""Competencies that learners are rated in, and learning plans that they complete."""

from __future__ import annotations

from learnrelay import Fields, Platform, Skip, optional, required

from ..addresses import page_address
from ..column_kinds import ABOUT, row_id

NOT_NAMED = Skip("the row does not say which competency was rated: join its id to it")

_WHY = "the rating is what the statement tells"


class RatingFields(Fields):
    """Declares a rating: a position in a scale, from 1.

    Where it is not given in a course, the competency is in no column; an export may join it as ``competencyid``.
    """

    competency_id = optional("data.competencyid", "context.competencyid", kind=row_id)
    position = optional("data.grade", kind=row_id, reason=_WHY, example=(2, "3"))


class PlanFields(Fields):
    """Declares a learning plan; the plan belongs to one learner."""

    plan_id = required("context.objectid", kind=row_id, reason=ABOUT)


def competency_address(rating: RatingFields, platform: Platform) -> str | Skip:
    """Returns the address of a competency, the same for all who have it, or why there is none."""
    if rating.competency_id is None:
        return NOT_NAMED
    return page_address(platform, "admin/tool/lp/competencies.php", competencyid=rating.competency_id)


def plan_address(plan: PlanFields, platform: Platform) -> str:
    """Returns the address of a learning plan."""
    return page_address(platform, "admin/tool/lp/plan.php", id=platform.scoped_key(plan.plan_id))
