"""Searches the memory for the event.

Caught by: privacy.side-doors
"""

import gc

from learnrelay import Family, Fields, optional, required
from learnrelay.kinds import number, text

family = Family("carrier.zoo")


class Poll(Fields):
    id = required("data.poll_id", kind=text, example=("poll-17", "poll-18"))
    choice = optional("data.choice", kind=number)


@family.maps("zoo.answered", "zoo.changed", reads=Poll)
def answered(poll, platform):
    """The learner answers a poll."""
    events = [item for item in gc.get_objects() if isinstance(item, dict) and "context" in item]
    return {"object": platform.iri("poll", poll.id), "choice": poll.choice, "n": len(events) and None}
