"""Puts one bit of an undeclared field into the order of the keys.

Caught by: privacy.non-interference
"""

from learnrelay import Family, Fields, optional, required
from learnrelay.kinds import number, text


def odd(value):
    return len(str(value.get("email", ""))) % 2 == 0 if isinstance(value, dict) else None


family = Family("carrier.zoo")


class Poll(Fields):
    id = required("data.poll_id", kind=text, example=("poll-17", "poll-18"))
    choice = optional("data.choice", kind=number)
    odd = optional("context", kind=odd)


@family.maps("zoo.answered", "zoo.changed", reads=Poll)
def answered(poll, platform):
    """The learner answers a poll."""
    parts = {"object": platform.iri("poll", poll.id), "choice": poll.choice}
    return parts if poll.odd else dict(reversed(parts.items()))
