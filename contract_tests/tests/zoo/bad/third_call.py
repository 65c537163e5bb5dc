"""Misbehaves on the third call only.

Caught by: behaviour.deterministic
"""

from itertools import count

from learnrelay import Family, Fields, optional, required
from learnrelay.kinds import number, text

family = Family("carrier.zoo")


class Poll(Fields):
    id = required("data.poll_id", kind=text, example=("poll-17", "poll-18"))
    choice = optional("data.choice", kind=number)


CALLS = count(1)


@family.maps("zoo.answered", "zoo.changed", reads=Poll)
def answered(poll, platform):
    """The learner answers a poll."""
    n = next(CALLS)
    return {"object": platform.iri("poll", poll.id), "choice": poll.choice, "extra": "leak" if n == 3 else None}
