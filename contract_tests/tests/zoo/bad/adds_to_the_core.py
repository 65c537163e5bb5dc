"""Adds an attribute to a class of the core with a setattr that is passed as a value.

Caught by: audit.host
"""

from functools import partial

from learnrelay import Family, Fields, Platform, optional, required
from learnrelay.kinds import number, text

partial(setattr, Platform)("poll_of_the_day", 17)

family = Family("carrier.zoo")


class Poll(Fields):
    id = required("data.poll_id", kind=text, example=("poll-17", "poll-18"))
    choice = optional("data.choice", kind=number)


@family.maps("zoo.answered", "zoo.changed", reads=Poll)
def answered(poll, platform):
    """The learner answers a poll."""
    return {"object": platform.iri("poll", poll.id), "choice": poll.choice}
