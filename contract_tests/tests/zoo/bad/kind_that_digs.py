"""Has a kind that reads one field of its declared parent, in upper case.

Caught by: privacy.non-interference
"""

from learnrelay import Family, Fields, optional, required
from learnrelay.kinds import number, text


def digging(value):
    return value.get("email", "").upper() or None if isinstance(value, dict) else None


family = Family("carrier.zoo")


class Poll(Fields):
    id = required("data.poll_id", kind=text, example=("poll-17", "poll-18"))
    choice = optional("data.choice", kind=number)
    who = optional("context", kind=digging)


@family.maps("zoo.answered", "zoo.changed", reads=Poll)
def answered(poll, platform):
    """The learner answers a poll."""
    return {"object": platform.iri("poll", poll.id), "choice": poll.choice, "who": poll.who}
