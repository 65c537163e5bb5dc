"""Has a kind that makes a word for an address."""

import re

from learnrelay import Family, Fields, Skip, optional, required
from learnrelay.kinds import identifier, number, text


def slug(raw):
    """A word for an address."""
    return re.sub("[^a-z0-9]+", "-", raw.lower())[:40] or None if isinstance(raw, str) else None


family = Family("carrier.zoo")


class Poll(Fields):
    id = required("data.poll_id", kind=identifier)
    word = optional("data.word", kind=slug, example=("a b", "c"))


@family.maps("zoo.answered", reads=Poll)
def answered(poll, platform):
    """The learner answers a poll."""
    return {"object": platform.iri("poll", poll.id), "choice": poll.word}
