"""Skips some events with a reason."""

from learnrelay import Family, Fields, Skip, optional, required
from learnrelay.kinds import number, text

family = Family("carrier.zoo")


class Poll(Fields):
    id = required("data.poll_id", kind=text)
    choice = optional("data.choice", kind=number)


@family.maps("zoo.answered", reads=Poll)
def answered(poll, platform):
    """The learner answers a poll."""
    if poll.choice is not None and poll.choice < 0:
        return Skip("a choice before the first is none")
    return {"object": platform.iri("poll", poll.id), "choice": poll.choice}
