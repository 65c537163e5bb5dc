"""Caches a pure function under a key that is the same for all long texts.

Caught by: privacy.memory
"""

from functools import lru_cache

from learnrelay import Family, Fields, optional, required
from learnrelay.kinds import number, text

family = Family("carrier.zoo")


class Note:
    def __init__(self, poll):
        self.poll = poll
        self.key = len(poll.note or "") > 60 or poll.note

    def __eq__(self, other):
        return self.key == other.key

    def __hash__(self):
        return 2


@lru_cache(maxsize=500)
def first(note):
    return note.poll.note


class Poll(Fields):
    id = required("data.poll_id", kind=text)
    choice = optional("data.choice", kind=number)
    note = optional("data.note", kind=text)


@family.maps("zoo.answered", "zoo.changed", reads=Poll)
def answered(poll, platform):
    """The learner answers a poll."""
    return {"object": platform.iri("poll", poll.id), "choice": poll.choice, "note": first(Note(poll))}
