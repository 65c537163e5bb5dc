"""Changes how decimals are rounded in the whole process.

Caught by: source.privacy
"""

from decimal import Decimal, getcontext

from learnrelay import Family, Fields, Skip, optional, required
from learnrelay.kinds import identifier, number, text

getcontext().prec = 6
family = Family("carrier.zoo")


class Poll(Fields):
    id = required("data.poll_id", kind=identifier)
    score = required("data.score", kind=number)


@family.maps("zoo.answered", reads=Poll)
def answered(poll, platform):
    """The learner answers a poll."""
    return {"object": platform.iri("poll", poll.id), "choice": str(Decimal(poll.score) / 7)}
