"""Puts a value into the name of a logger.

Caught by: source.privacy
"""

import logging

from learnrelay import Family, Fields, Skip, optional, required
from learnrelay.kinds import identifier, number, text

family = Family("carrier.zoo")


class Poll(Fields):
    id = required("data.poll_id", kind=identifier)
    mode = required("data.mode", kind=text, example=("full", "a", "b"))


@family.maps("zoo.answered", reads=Poll)
def answered(poll, platform):
    """The learner answers a poll."""
    logging.getLogger("polls." + poll.mode).warning("odd")
    return {"object": platform.iri("poll", poll.id), "choice": poll.mode}
