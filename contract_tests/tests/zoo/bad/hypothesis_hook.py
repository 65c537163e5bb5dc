"""Has an entry point that a testing library runs where plugins are judged.

Caught by: audit.package

Entry point: learnrelay.families.v1 carrier.zoo :family

Entry point: hypothesis acme_zoo :set_up
"""

from learnrelay import Family, Fields, required
from learnrelay.kinds import identifier

family = Family("carrier.zoo")


class Poll(Fields):
    id = required("data.poll_id", kind=identifier)


def set_up():
    pass


@family.maps("zoo.answered", reads=Poll)
def answered(poll, platform):
    """The learner answers a poll."""
    return {"object": platform.iri("poll", poll.id)}
