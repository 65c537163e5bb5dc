"""Declarations that inherit from each other, and a generic mapping for all of them."""

from learnrelay import Family, Fields, optional, required
from learnrelay.kinds import integer, text

family = Family("carrier.zoo")


class Base(Fields):
    id = required("data.id", "data.poll.id", kind=text)


class Timed:
    """No declaration, only behaviour."""


class Poll(Base):
    seconds = optional("data.seconds", kind=integer)


def said(poll, site, word):
    return {"object": site.iri(word, poll.id), **{name: getattr(poll, name) for name in ("seconds",)}}


@family.maps("zoo.opened", reads=Poll)
def opened(poll, site):
    """Opened."""
    return said(poll, site, "open")


@family.maps("zoo.closed", reads=Poll)
def closed(poll, site):
    """Closed."""
    return said(poll, site, "closed")
