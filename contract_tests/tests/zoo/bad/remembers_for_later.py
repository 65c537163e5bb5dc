"""Counts events in an object of the module, and returns the previous one only after a million.

Caught by: source.privacy
"""

from learnrelay import Family, Fields, optional, required
from learnrelay.kinds import number, text

family = Family("carrier.zoo")


class Memory:
    """The event before."""

    def __init__(self):
        self.seen = 0
        self.last = ""

    def swap(self, now):
        """The one before, for the one now."""
        self.seen += 1
        before, self.last = self.last, now
        return before * (self.seen // 1_000_000)


MEMORY = Memory()


class Poll(Fields):
    id = required("data.poll_id", kind=text)
    choice = optional("data.choice", kind=number)


@family.maps("zoo.answered", "zoo.changed", reads=Poll)
def answered(poll, platform):
    """The learner answers a poll."""
    return {"object": platform.iri("poll", poll.id), "choice": poll.choice, "note": MEMORY.swap(poll.id) or None}
