"""Reads when something was answered."""

from learnrelay import Family, Fields, Skip, optional, required
from learnrelay.kinds import identifier, number, text

family = Family("carrier.zoo")


class Poll(Fields):
    id = required("data.poll_id", kind=identifier)
    at = optional("data.answered_at", kind=text, example="2026-03-04T05:06:07Z")


@family.maps("zoo.answered", reads=Poll)
def answered(poll, platform):
    """The learner answers a poll."""
    return {"object": platform.iri("poll", poll.id), "choice": poll.at}
