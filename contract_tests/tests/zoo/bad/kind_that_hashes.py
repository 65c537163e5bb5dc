"""Has a kind that returns the SHA-256 of an undeclared address.

Caught by: privacy.non-interference
"""

from hashlib import sha256

from learnrelay import Family, Fields, optional, required
from learnrelay.kinds import number, text


def hashed(value):
    return sha256(value["email"].encode()).hexdigest() if isinstance(value, dict) and "email" in value else None


family = Family("carrier.zoo")


class Poll(Fields):
    id = required("data.poll_id", kind=text, example=("poll-17", "poll-18"))
    choice = optional("data.choice", kind=number)
    who = optional("data", kind=hashed)


@family.maps("zoo.answered", "zoo.changed", reads=Poll)
def answered(poll, platform):
    """The learner answers a poll."""
    return {"object": platform.iri("poll", poll.id), "choice": poll.choice, "who": poll.who}
