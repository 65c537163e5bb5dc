"""Reads the whole context as a collection, and counts its entries.

Caught by: privacy.declared-names
"""

from learnrelay import Family, Fields, each, optional, required
from learnrelay.kinds import number, text

family = Family("carrier.zoo")


class Part(Fields):
    pass


class Poll(Fields):
    id = required("data.poll_id", kind=text, example=("poll-17", "poll-18"))
    choice = optional("data.choice", kind=number)
    parts = each("context", Part)


@family.maps("zoo.answered", "zoo.changed", reads=Poll)
def answered(poll, platform):
    """The learner answers a poll."""
    return {"object": platform.iri("poll", poll.id), "choice": poll.choice, "parts": len(poll.parts)}
