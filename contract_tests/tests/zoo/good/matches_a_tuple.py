"""Compares two values at once."""

from learnrelay import Family, Fields, Skip, optional, required
from learnrelay.kinds import identifier, number, text

family = Family("carrier.zoo")


class Poll(Fields):
    id = required("data.poll_id", kind=identifier)
    choice = optional("data.choice", kind=text, example=("yes", "no thanks"))


@family.maps("zoo.answered", reads=Poll)
def answered(poll, platform):
    """The learner answers a poll."""
    match (poll.choice, poll.id):
        case (None, _):
            word = "none"
        case ("yes", _):
            word = "yes"
        case _:
            word = "other"
    return {"object": platform.iri("poll", poll.id), "choice": word}
