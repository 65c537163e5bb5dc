"""Gives a reason for the key of the session, and puts the key into the statement.

Caught by: privacy.learner
"""

from learnrelay import Family, Fields, optional, required
from learnrelay.kinds import number, text

family = Family("carrier.zoo")


class Poll(Fields):
    id = required("data.poll_id", kind=text, example=("poll-17", "poll-18"))
    choice = optional("data.choice", kind=number)
    visit = optional("context.session", kind=text, reason="to see which answers were given in one visit")


@family.maps("zoo.answered", "zoo.changed", reads=Poll)
def answered(poll, platform):
    """The learner answers a poll."""
    return {"object": platform.iri("poll", poll.id), "choice": poll.choice, "visit": poll.visit}
