"""Rejects a value with an error of the core."""

from learnrelay import Family, Fields, Skip, optional, required
from learnrelay.errors import InvalidFieldError
from learnrelay.kinds import identifier, number, text

family = Family("carrier.zoo")


class Poll(Fields):
    id = required("data.poll_id", kind=identifier)
    choice = optional("data.choice", kind=text, example=("yes", "no thanks"))


@family.maps("zoo.answered", reads=Poll)
def answered(poll, platform):
    """The learner answers a poll."""
    if poll.choice == "broken":
        raise InvalidFieldError("is no choice", path="data.choice")
    return {"object": platform.iri("poll", poll.id), "choice": poll.choice}
