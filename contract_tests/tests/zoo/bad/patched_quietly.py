"""Replaces the code of a kind of the core.

Caught by: audit.host
"""

import learnrelay.kinds
from learnrelay import Family, Fields, optional, required
from learnrelay.kinds import number, text

family = Family("carrier.zoo")


class Poll(Fields):
    id = required("data.poll_id", kind=text, example=("poll-17", "poll-18"))
    choice = optional("data.choice", kind=number)


def number2(value):
    return value if type(value) in (int, float) else None


learnrelay.kinds.integer.__code__ = number2.__code__


@family.maps("zoo.answered", "zoo.changed", reads=Poll)
def answered(poll, platform):
    """The learner answers a poll."""
    return {"object": platform.iri("poll", poll.id), "choice": poll.choice}
