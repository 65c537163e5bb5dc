"""Reads the keys of an object that has one key for each user.

Caught by: privacy.declared-names
"""

from learnrelay import Family, Fields, each, entry_key, optional, required
from learnrelay.kinds import number, text

family = Family("carrier.zoo")


class Someone(Fields):
    key = entry_key()


class Poll(Fields):
    id = required("data.poll_id", kind=text, example=("poll-17", "poll-18"))
    choice = optional("data.choice", kind=number)
    voters = each("data.usernames", Someone)


@family.maps("zoo.answered", "zoo.changed", reads=Poll)
def answered(poll, platform):
    """The learner answers a poll."""
    return {
        "object": platform.iri("poll", poll.id),
        "choice": poll.choice,
        "voters": [voter.key for voter in poll.voters],
    }
