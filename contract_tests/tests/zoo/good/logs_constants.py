"""Logs constant texts."""

import logging

from learnrelay import Family, Fields, optional, required
from learnrelay.kinds import number, text

log = logging.getLogger(__name__)
family = Family("carrier.zoo")


class Poll(Fields):
    id = required("data.poll_id", kind=text, example=("poll-17", "poll-18"))
    choice = optional("data.choice", kind=number)


@family.maps("zoo.answered", reads=Poll)
def answered(poll, platform):
    """The learner answers a poll."""
    log.debug("mapping number %d of the family", 1)
    return {"object": platform.iri("poll", poll.id), "choice": poll.choice}
