"""Admits the events of some learners only.

Caught by: privacy.learner

Entry point: learnrelay.routers.v1 carrier_zoo
"""

from learnrelay import Fields, Skip, hookimpl, optional
from learnrelay.kinds import text


class Who(Fields):
    who = optional("context.username", kind=text, reason="the cohort of the experiment is made of it")


@hookimpl(reads=Who)
def route_event(fields, destination):
    return Skip("of the control group") if fields.who and fields.who[0].lower() < "k" else None
