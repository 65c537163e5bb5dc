"""Remembers what a pure function gives."""

from functools import lru_cache

from learnrelay import Family, Fields, optional, required
from learnrelay.kinds import number, text

family = Family("carrier.zoo")


class Poll(Fields):
    id = required("data.poll_id", kind=text)
    choice = optional("data.choice", kind=number)


@lru_cache(1000)
def slug(text):
    return "".join(one if one.isalnum() else "-" for one in text)


@family.maps("zoo.answered", reads=Poll)
def answered(poll, site):
    """The learner answers a poll."""
    return {"object": site.iri("poll", slug(poll.id))}
