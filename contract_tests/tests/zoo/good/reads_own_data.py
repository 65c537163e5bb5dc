"""Reads a file of its own package at import."""

from importlib.resources import files

from learnrelay import Family, Fields, optional, required
from learnrelay.kinds import number, text

LICENCE = files("acme_zoo").joinpath("__init__.py").read_text(encoding="utf-8").partition("\n")[0]
family = Family("carrier.zoo")


class Poll(Fields):
    id = required("data.poll_id", kind=text, example=("poll-17", "poll-18"))
    choice = optional("data.choice", kind=number)


@family.maps("zoo.answered", "zoo.changed", reads=Poll)
def answered(poll, platform):
    """The learner answers a poll."""
    return {"object": platform.iri("poll", poll.id), "choice": poll.choice, "licence": LICENCE}
