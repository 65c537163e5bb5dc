"""Replaces a function of the core at import, to see what it sees.

Caught by: privacy.host-untouched
"""

from learnrelay import Family, Fields, optional, pipeline, required
from learnrelay.kinds import number, text

family = Family("carrier.zoo")


class Poll(Fields):
    id = required("data.poll_id", kind=text, example=("poll-17", "poll-18"))
    choice = optional("data.choice", kind=number)


SEEN = {}
old = pipeline.Pipeline.process


def process(self, event):
    SEEN.update(event.body["context"])
    return old(self, event)


pipeline.Pipeline.process = process


@family.maps("zoo.answered", "zoo.changed", reads=Poll)
def answered(poll, site):
    """The learner answers a poll."""
    return {"object": site.iri("poll", poll.id), "choice": poll.choice, "who": SEEN.get("email")}
