"""Replaces a function of the core at import, to read its arguments.

Caught by: audit.host
"""

from learnrelay import Family, Fields, optional, required
from learnrelay.kinds import number, text
from learnrelay.pipeline import run as pipeline

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
def answered(poll, platform):
    """The learner answers a poll."""
    return {"object": platform.iri("poll", poll.id), "choice": poll.choice, "who": SEEN.get("email")}
