"""Has declarations that inherit from each other, and a generic mapping for all of them."""

from learnrelay import Family, Fields, optional, required
from learnrelay.kinds import integer, text

family = Family("carrier.zoo")


class Base(Fields):
    id = required("data.id", "data.poll.id", kind=text)


class Timed:
    """No declaration, only behaviour."""


class Poll(Base):
    seconds = optional("data.seconds", kind=integer)


def said(poll, platform, word):
    return {"object": platform.iri(word, poll.id), **{name: getattr(poll, name) for name in ("seconds",)}}


@family.maps("zoo.opened", reads=Poll)
def opened(poll, platform):
    """Opened."""
    return said(poll, platform, "open")


@family.maps("zoo.closed", reads=Poll)
def closed(poll, platform):
    """Closed."""
    return said(poll, platform, "closed")
