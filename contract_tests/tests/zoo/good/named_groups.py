"""Reads a word with a pattern."""

import re

from learnrelay import Family, Fields, Skip, optional, required
from learnrelay.kinds import identifier, number, text

FORM = re.compile(r"(?P<word>[a-z]+)( .*)?")
family = Family("carrier.zoo")


class Poll(Fields):
    id = required("data.poll_id", kind=identifier)
    choice = optional("data.choice", kind=text, example=("yes", "no thanks"))


@family.maps("zoo.answered", reads=Poll)
def answered(poll, platform):
    """The learner answers a poll."""
    match = FORM.fullmatch(poll.choice or "")
    return {"object": platform.iri("poll", poll.id), "choice": (match["word"] if match else None)}
