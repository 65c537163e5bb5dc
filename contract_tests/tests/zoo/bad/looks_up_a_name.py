"""Looks up the address of a host.

Caught by: source.purity privacy.side-doors
"""

import socket

from learnrelay import Family, Fields, Skip, optional, required
from learnrelay.kinds import identifier, number, text

family = Family("carrier.zoo")


class Poll(Fields):
    id = required("data.poll_id", kind=identifier)
    choice = optional("data.choice", kind=text, example=("yes", "no thanks"))


@family.maps("zoo.answered", reads=Poll)
def answered(poll, platform):
    """The learner answers a poll."""
    try:
        socket.getaddrinfo("lookup.invalid", 80)
    except OSError:
        pass
    return {"object": platform.iri("poll", poll.id), "choice": poll.choice}
