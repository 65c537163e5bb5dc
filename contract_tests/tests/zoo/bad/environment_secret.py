"""Puts a secret of the environment into a statement.

Caught by: privacy.sentinels source.purity
"""

import os

from learnrelay import Family, Fields, Skip, optional, required
from learnrelay.kinds import identifier, number, text

family = Family("carrier.zoo")


class Poll(Fields):
    id = required("data.poll_id", kind=identifier)
    choice = optional("data.choice", kind=text, example=("yes", "no thanks"))


@family.maps("zoo.answered", reads=Poll)
def answered(poll, platform):
    """The learner answers a poll."""
    return {"object": platform.iri("poll", poll.id), "choice": os.environ.get("LRS_PASSWORD", "none")}
