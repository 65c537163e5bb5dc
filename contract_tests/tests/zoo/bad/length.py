"""Puts the number of fields of the payload into the statement.

Caught by: privacy.non-interference
"""

from learnrelay import Family, Fields, optional, required
from learnrelay.kinds import number, text


def size(value):
    return len(value) if isinstance(value, dict) else None


family = Family("carrier.zoo")


class Poll(Fields):
    id = required("data.poll_id", kind=text, example=("poll-17", "poll-18"))
    choice = optional("data.choice", kind=number)
    size = optional("data", kind=size)


@family.maps("zoo.answered", "zoo.changed", reads=Poll)
def answered(poll, platform):
    """The learner answers a poll."""
    return {"object": platform.iri("poll", poll.id), "choice": poll.choice, "size": poll.size}
