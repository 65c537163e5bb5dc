"""Collects its mappings with a decorator of its own at import."""

from learnrelay import Family, Fields, optional, required
from learnrelay.kinds import number, text

family = Family("carrier.zoo")


class Poll(Fields):
    id = required("data.poll_id", kind=text)
    choice = optional("data.choice", kind=number)


TABLE = {}


def column(name):
    def add(function):
        TABLE[name] = function
        return function

    return add


@column("choice")
def choice_of(poll):
    return poll.choice


@column("parity")
def parity_of(poll):
    return None if poll.choice is None else "even" if poll.choice % 2 == 0 else "odd"


@family.maps("zoo.answered", reads=Poll)
def answered(poll, platform):
    """The learner answers a poll."""
    return {"object": platform.iri("poll", poll.id), **{word: function(poll) for word, function in TABLE.items()}}
