"""Builds a log record itself, without the logger's methods.

Caught by: source.privacy
"""

import logging

from learnrelay import Family, Fields, optional, required
from learnrelay.kinds import number, text

log = logging.getLogger(__name__)
family = Family("carrier.zoo")


class Poll(Fields):
    id = required("data.poll_id", kind=text)
    choice = optional("data.choice", kind=number)


@family.maps("zoo.answered", "zoo.changed", reads=Poll)
def answered(poll, platform):
    """The learner answers a poll."""
    log.handle(logging.LogRecord("zoo", logging.INFO, "", 1, "answered %s", (poll.id,), None))
    return {"object": platform.iri("poll", poll.id), "choice": poll.choice}
