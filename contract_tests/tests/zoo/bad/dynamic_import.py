"""Imports internals of the host by a computed name.

Caught by: audit.source
"""

from importlib import import_module

from learnrelay import Family, Fields, optional, required
from learnrelay.kinds import number, text

family = Family("carrier.zoo")


class Poll(Fields):
    id = required("data.poll_id", kind=text, example=("poll-17", "poll-18"))
    choice = optional("data.choice", kind=number)


@family.maps("zoo.answered", "zoo.changed", reads=Poll)
def answered(poll, platform):
    """The learner answers a poll."""
    inside = import_module("learnrelay." + "pipeline")
    return {"object": platform.iri("poll", poll.id), "choice": poll.choice, "n": inside and None}
