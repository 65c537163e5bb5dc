"""Puts a value into a log record.

Caught by: privacy.errors-and-logs
"""

import logging

from learnrelay import Family, Fields, optional, required
from learnrelay.kinds import number, text

family = Family("carrier.zoo")


class Poll(Fields):
    id = required("data.poll_id", kind=text, example=("poll-17", "poll-18"))
    choice = optional("data.choice", kind=number)
    note = optional("data.note", kind=text)


@family.maps("zoo.answered", "zoo.changed", reads=Poll)
def answered(poll, platform):
    """The learner answers a poll."""
    logging.getLogger("zoo").debug("note %s", poll.note)
    return {"object": platform.iri("poll", poll.id), "choice": poll.choice}
