"""Puts a value into a warning.

Caught by: source.privacy
"""

import warnings

from learnrelay import Family, Fields, Skip, optional, required
from learnrelay.kinds import identifier, number, text

family = Family("carrier.zoo")


class Poll(Fields):
    id = required("data.poll_id", kind=identifier)
    mode = required("data.mode", kind=text, example=("17", "a", "b"))


@family.maps("zoo.answered", reads=Poll)
def answered(poll, platform):
    """The learner answers a poll."""
    if poll.mode == "b":
        warnings.warn(f"unknown mode {poll.mode}")
    return {"object": platform.iri("poll", poll.id), "choice": poll.mode}
