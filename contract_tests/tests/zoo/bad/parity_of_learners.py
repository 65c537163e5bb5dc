"""Keeps the events of every other learner.

Caught by: privacy.learner

Entry point: learnrelay.filters.v1 carrier_zoo
"""

from learnrelay import Fields, Skip, hookimpl, optional
from learnrelay.kinds import identifier


class Learner(Fields):
    user = optional("context.user_id", kind=identifier, reason="one half of the learners is the control group")


@hookimpl(reads=Learner)
def filter_event(fields):
    return Skip("of the control group") if fields.user and fields.user[-1] in "02468" else None
