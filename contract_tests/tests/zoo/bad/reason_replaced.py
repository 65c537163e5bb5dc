"""Replaces the constant reason of a skip with one built from a value, for long texts only.

Caught by: source.privacy
"""

from dataclasses import replace

from learnrelay import Family, Fields, Skip, optional, required
from learnrelay.kinds import number, text

TOO_LONG = Skip("the poll's id is too long")
family = Family("carrier.zoo")


class Poll(Fields):
    id = required("data.poll_id", kind=text)
    choice = optional("data.choice", kind=number)


@family.maps("zoo.answered", "zoo.changed", reads=Poll)
def answered(poll, platform):
    """The learner answers a poll."""
    if len(poll.id) > 900:
        return replace(TOO_LONG, reason=poll.id)
    return {"object": platform.iri("poll", poll.id), "choice": poll.choice}
