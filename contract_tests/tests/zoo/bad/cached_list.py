"""Keeps values in a list that a cached function gives.

Caught by: source.privacy
"""

from functools import cache

from learnrelay import Family, Fields, Skip, optional, required
from learnrelay.kinds import identifier, number, text


@cache
def recent():
    return []


family = Family("carrier.zoo")


class Poll(Fields):
    id = required("data.poll_id", kind=identifier)
    choice = optional("data.choice", kind=text, example=("yes", "no thanks"))


@family.maps("zoo.answered", reads=Poll)
def answered(poll, platform):
    """The learner answers a poll."""
    seen = recent()
    seen.append(poll.id)
    del seen[:-3]
    return {"object": platform.iri("poll", poll.id), "choice": "again" if poll.id in seen[:-1] else poll.choice}
