"""Starts a timer at import.

Caught by: source.import
"""

import threading

from learnrelay import Family, Fields, Skip, optional, required
from learnrelay.kinds import identifier, number, text

TIMER = threading.Timer(3600, print)
TIMER.daemon = True
TIMER.start()
family = Family("carrier.zoo")


class Poll(Fields):
    id = required("data.poll_id", kind=identifier)
    choice = optional("data.choice", kind=text, example=("yes", "no thanks"))


@family.maps("zoo.answered", reads=Poll)
def answered(poll, platform):
    """The learner answers a poll."""
    return {"object": platform.iri("poll", poll.id), "choice": poll.choice}
