"""Imports a module of the standard library while it handles an event."""

from learnrelay import Family, Fields, optional, required
from learnrelay.kinds import number, text

family = Family("carrier.zoo")


class Poll(Fields):
    id = required("data.poll_id", kind=text)
    choice = optional("data.choice", kind=number)


@family.maps("zoo.answered", reads=Poll)
def answered(poll, platform):
    """The learner answers a poll."""
    from decimal import Decimal
    from statistics import mean

    share = None if poll.choice is None else f"{Decimal(poll.choice):.2f}"
    return {"object": platform.iri("poll", poll.id), "share": share, "mean": mean([1, 2, 3])}
