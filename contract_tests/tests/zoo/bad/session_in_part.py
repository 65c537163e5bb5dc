"""Gives a reason for the session, and puts its first digits into the statement.

Caught by: privacy.learner
"""

from learnrelay import Family, Fields, optional, required
from learnrelay.kinds import text

family = Family("carrier.zoo")


class Poll(Fields):
    id = required("data.poll_id", kind=text)
    visit = optional("context.session", kind=text, reason="joins the events of one visit to the course")


@family.maps("zoo.answered", reads=Poll)
def answered(poll, platform):
    """The learner answers a poll."""
    return {"object": platform.iri("poll", poll.id), "visit": poll.visit and poll.visit[:3]}
