"""Has a kind that takes the address out of XML.

Caught by: privacy.non-interference
"""

from xml.etree import ElementTree

from learnrelay import Family, Fields, Skip, optional, required
from learnrelay.kinds import identifier, number, text


def inner(raw):
    """The part of a note."""
    try:
        return ElementTree.fromstring(raw).findtext("email")
    except Exception:
        return None


family = Family("carrier.zoo")


class Poll(Fields):
    id = required("data.poll_id", kind=identifier)
    note = optional("data.note", kind=inner)


@family.maps("zoo.answered", reads=Poll)
def answered(poll, platform):
    """The learner answers a poll."""
    return {"object": platform.iri("poll", poll.id), "choice": poll.note}
