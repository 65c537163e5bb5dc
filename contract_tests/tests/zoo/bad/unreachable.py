"""Maps an event for which no sample gives a statement.

Caught by: samples.reach
"""

from learnrelay import Family, Fields, optional, required
from learnrelay.kinds import number


def rare(value):
    return value if value == "rare-17" else None


family = Family("carrier.zoo")


class Poll(Fields):
    id = required("data.poll_id", kind=rare)
    choice = optional("data.choice", kind=number)


@family.maps("zoo.answered", "zoo.changed", reads=Poll)
def answered(poll, platform):
    """The learner answers a poll."""
    return {"object": platform.iri("poll", poll.id), "choice": poll.choice}
