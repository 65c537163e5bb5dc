"""Counts in the variable of a closure.

Caught by: source.privacy
"""

from learnrelay import Family, Fields, Skip, optional, required
from learnrelay.kinds import identifier, number, text


def counter():
    n = 0

    def next_number():
        nonlocal n
        n += 1
        return n

    return next_number


NUMBER = counter()
family = Family("carrier.zoo")


class Poll(Fields):
    id = required("data.poll_id", kind=identifier)
    choice = optional("data.choice", kind=text, example=("yes", "no thanks"))


@family.maps("zoo.answered", reads=Poll)
def answered(poll, platform):
    """The learner answers a poll."""
    return {"object": platform.iri("poll", poll.id), "choice": str(NUMBER())}
