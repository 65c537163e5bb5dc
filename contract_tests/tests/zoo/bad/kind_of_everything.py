"""A kind of its own that takes whatever stands there: a declared parent pulls in its children.

Caught by: privacy.non-interference
"""

from learnrelay import Family, Fields, optional, required
from learnrelay.kinds import number, text


def anything(value):
    return value


family = Family("carrier.zoo")


class Poll(Fields):
    id = required("data.poll_id", kind=text, example=("poll-17", "poll-18"))
    choice = optional("data.choice", kind=number)
    context = optional("context", kind=anything)


@family.maps("zoo.answered", "zoo.changed", reads=Poll)
def answered(poll, site):
    """The learner answers a poll."""
    return {"object": site.iri("poll", poll.id), "choice": poll.choice, "context": poll.context}
