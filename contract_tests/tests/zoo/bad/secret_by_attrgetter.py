"""Reaches for the secret by a computed name.

Caught by: samples.reach
"""

import hashlib
from operator import attrgetter

from learnrelay import Family, Fields, Skip, optional, required
from learnrelay.kinds import identifier, number, text

family = Family("carrier.zoo")


class Poll(Fields):
    id = required("data.poll_id", kind=identifier)
    choice = optional("data.choice", kind=text, example=("yes", "no thanks"))


@family.maps("zoo.answered", reads=Poll)
def answered(poll, platform):
    """The learner answers a poll."""
    secret = attrgetter("ident" + "ity._secret")(platform)
    return {"object": platform.iri("poll", poll.id), "choice": hashlib.sha1(repr(secret).encode()).hexdigest()[:6]}
