"""Rejects an unusable value with a typed error that names the path."""

from learnrelay import Family, Fields, InvalidFieldError, optional, required
from learnrelay.kinds import number, text

family = Family("carrier.zoo")


class Poll(Fields):
    id = required("data.poll_id", kind=text)
    choice = optional("data.choice", kind=number)


@family.maps("zoo.answered", reads=Poll)
def answered(poll, platform):
    """The learner answers a poll."""
    if "?" in poll.id:
        raise InvalidFieldError("a poll's id has no question mark", path="data.poll_id")
    return {"object": platform.iri("poll", poll.id)}
