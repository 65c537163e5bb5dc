"""Uses a function with an argument that is fixed."""

from functools import partial

from learnrelay import Family, Fields, Skip, optional, required
from learnrelay.kinds import identifier, number, text


def named(prefix, word):
    return f"{prefix} {word}" if word else prefix


NAMED = partial(named, "choice")
family = Family("carrier.zoo")


class Poll(Fields):
    id = required("data.poll_id", kind=identifier)
    choice = optional("data.choice", kind=text, example=("yes", "no thanks"))


@family.maps("zoo.answered", reads=Poll)
def answered(poll, platform):
    """The learner answers a poll."""
    return {"object": platform.iri("poll", poll.id), "choice": NAMED(poll.choice)}
