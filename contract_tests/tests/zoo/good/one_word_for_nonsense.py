"""Has a kind with one value for everything that is not text, and counts of users."""

from learnrelay import Family, Fields, optional, required
from learnrelay.kinds import integer, number, text

UNREADABLE = "?"


def room(value):
    return (value.strip() or None) if type(value) is str else UNREADABLE


family = Family("carrier.zoo")


class Poll(Fields):
    id = required("data.poll_id", kind=text, example=("poll-17", "poll-18"))
    choice = optional("data.choice", kind=number)
    room = optional("context.room", kind=room)
    users = optional("data.poll_options_total", kind=integer)
    user_count = optional("data.user_count", kind=integer)


@family.maps("zoo.answered", "zoo.changed", reads=Poll)
def answered(poll, platform):
    """The learner answers a poll."""
    return {
        "object": platform.iri("poll", poll.id),
        "choice": poll.choice,
        "room": poll.room,
        "of": poll.users,
        "among": poll.user_count,
    }
