"""Tries whether a text is a number."""

from learnrelay import Family, Fields, Skip, optional, required
from learnrelay.kinds import identifier, number, text

family = Family("carrier.zoo")


class Poll(Fields):
    id = required("data.poll_id", kind=identifier)
    choice = optional("data.choice", kind=text, example=("12", "x1"))


@family.maps("zoo.answered", reads=Poll)
def answered(poll, platform):
    """The learner answers a poll."""
    try:
        count = int(poll.choice) if poll.choice else 0
    except ValueError:
        count = -1
    return {"object": platform.iri("poll", poll.id), "choice": count}
