"""Rounds decimals in a context of its own."""

from decimal import Context, Decimal

from learnrelay import Family, Fields, Skip, optional, required
from learnrelay.kinds import identifier, number, text

CONTEXT = Context(prec=12)
family = Family("carrier.zoo")


class Poll(Fields):
    id = required("data.poll_id", kind=identifier)
    score = required("data.score", kind=number)


@family.maps("zoo.answered", reads=Poll)
def answered(poll, platform):
    """The learner answers a poll."""
    return {
        "object": platform.iri("poll", poll.id),
        "choice": str(Decimal(str(poll.score)).quantize(Decimal("0.01"), context=CONTEXT))
        if abs(poll.score) < 1000
        else "many",
    }
