"""Keeps a value in a global and puts it into the next statement.

Caught by: privacy.memory
"""

from learnrelay import Family, Fields, optional, required
from learnrelay.kinds import number, text

family = Family("carrier.zoo")


class Poll(Fields):
    id = required("data.poll_id", kind=text, example=("poll-17", "poll-18"))
    choice = optional("data.choice", kind=number)
    note = optional("data.note", kind=text)


SEEN = []


@family.maps("zoo.answered", "zoo.changed", reads=Poll)
def answered(poll, platform):
    """The learner answers a poll."""
    earlier = SEEN[-1] if SEEN else None
    SEEN.append(poll.note)
    return {"object": platform.iri("poll", poll.id), "choice": poll.choice, "before": earlier}
