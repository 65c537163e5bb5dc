"""Logs, without a value of any event."""

import logging

from learnrelay import Family, Fields, optional, required
from learnrelay.kinds import number, text

log = logging.getLogger(__name__)
family = Family("carrier.zoo")


class Poll(Fields):
    id = required("data.poll_id", kind=text, example=("poll-17", "poll-18"))
    choice = optional("data.choice", kind=number)


@family.maps("zoo.answered", reads=Poll)
def answered(poll, site):
    """The learner answers a poll."""
    log.debug("mapping number %d of the family", 1)
    return {"object": site.iri("poll", poll.id), "choice": poll.choice}
