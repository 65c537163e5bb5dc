"""Keeps a value in a global while it handles an event.

Caught by: source.privacy
"""

from learnrelay import Family, Fields, optional, required
from learnrelay.kinds import number, text

family = Family("carrier.zoo")


class Poll(Fields):
    id = required("data.poll_id", kind=text, example=("poll-17", "poll-18"))
    choice = optional("data.choice", kind=number)


CURRENT = None


@family.maps("zoo.answered", "zoo.changed", reads=Poll)
def answered(poll, platform):
    """The learner answers a poll."""
    global CURRENT
    CURRENT = poll
    return {"object": platform.iri("poll", CURRENT.id)}
