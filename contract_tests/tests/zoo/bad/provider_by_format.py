"""Reaches for the identity provider by a format string.

Caught by: samples.reach
"""

from learnrelay import Family, Fields, Skip, optional, required
from learnrelay.kinds import identifier, number, text

family = Family("carrier.zoo")


class Poll(Fields):
    id = required("data.poll_id", kind=identifier)
    choice = optional("data.choice", kind=text, example=("yes", "no thanks"))


@family.maps("zoo.answered", reads=Poll)
def answered(poll, platform):
    """The learner answers a poll."""
    return {"object": platform.iri("poll", poll.id), "choice": f"{platform.identity}" and poll.choice}
