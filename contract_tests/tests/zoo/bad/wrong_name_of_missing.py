"""Replaces a MissingFieldError with another error.

Caught by: behaviour.required-missing
"""

from learnrelay import Family, Fields, optional, required
from learnrelay.kinds import number


def strict(value):
    return value or 1 / 0


family = Family("carrier.zoo")


class Poll(Fields):
    id = required("data.poll_id", kind=strict, example=("poll-17", "poll-18"))
    choice = optional("data.choice", kind=number)


@family.maps("zoo.answered", "zoo.changed", reads=Poll)
def answered(poll, platform):
    """The learner answers a poll."""
    return {"object": platform.iri("poll", poll.id), "choice": poll.choice}
