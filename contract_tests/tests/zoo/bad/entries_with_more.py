"""Reads a whole field of each entry through a kind of its own.

Caught by: privacy.non-interference
"""

from learnrelay import Family, Fields, each, optional, required
from learnrelay.kinds import number, text


def everything(value):
    return value


class Part(Fields):
    all = optional("inner", kind=everything, example="x")


family = Family("carrier.zoo")


class Poll(Fields):
    id = required("data.poll_id", kind=text, example=("poll-17", "poll-18"))
    choice = optional("data.choice", kind=number)
    parts = each("data.parts", Part)


@family.maps("zoo.answered", "zoo.changed", reads=Poll)
def answered(poll, platform):
    """The learner answers a poll."""
    return {"object": platform.iri("poll", poll.id), "choice": poll.choice, "parts": [part.all for part in poll.parts]}
