"""Puts a value into the reason of a skip.

Caught by: privacy.errors-and-logs
"""

from learnrelay import Family, Fields, Skip, optional, required
from learnrelay.kinds import number, text

family = Family("carrier.zoo")


class Poll(Fields):
    id = required("data.poll_id", kind=text, example=("poll-17", "poll-18"))
    choice = optional("data.choice", kind=number)
    note = optional("data.note", kind=text, example="fine")


@family.maps("zoo.answered", "zoo.changed", reads=Poll)
def answered(poll, platform):
    """The learner answers a poll."""
    if poll.note and poll.note != "fine":
        return Skip(f"not for {poll.note}")
    return {"object": platform.iri("poll", poll.id), "choice": poll.choice}
