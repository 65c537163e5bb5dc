"""Caches a pure function under a key that is the same for all texts of one length.

Caught by: privacy.memory
"""

from functools import lru_cache

from learnrelay import Family, Fields, optional, required
from learnrelay.kinds import text

family = Family("carrier.zoo")


class Poll(Fields):
    id = required("data.poll_id", kind=text)
    note = optional("data.note", kind=text)


class Key:
    """A text of which the length counts."""

    def __init__(self, text):
        self.text = text

    def __eq__(self, other):
        return len(self.text) == len(other.text)

    def __hash__(self):
        return len(self.text)


@lru_cache(1000)
def tidied(key):
    return key.text.strip()


@family.maps("zoo.answered", reads=Poll)
def answered(poll, platform):
    """The learner answers a poll."""
    return {"object": platform.iri("poll", poll.id), "note": poll.note and tidied(Key(poll.note))}
