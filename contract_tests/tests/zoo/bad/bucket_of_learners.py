"""Gives a reason for the user's id, and puts its last digits into the statement.

Caught by: privacy.learner
"""

from learnrelay import Family, Fields, optional, required
from learnrelay.kinds import identifier, number, text

family = Family("carrier.zoo")


class Poll(Fields):
    id = required("data.poll_id", kind=text, example=("poll-17", "poll-18"))
    choice = optional("data.choice", kind=number)
    user = optional("context.user_id", kind=identifier, reason="to see whether anybody is signed in")


@family.maps("zoo.answered", "zoo.changed", reads=Poll)
def answered(poll, platform):
    """The learner answers a poll."""
    return {
        "object": platform.iri("poll", poll.id),
        "choice": poll.choice,
        "bucket": int(poll.user[-3:]) if poll.user and poll.user.isdecimal() else None,
    }
