"""Skips for reasons that stand in a table."""

from learnrelay import Family, Fields, Skip, optional, required
from learnrelay.kinds import identifier, number, text

REASONS = {"draft": "drafts are not reported", "test": "tests are not reported"}
family = Family("carrier.zoo")


class Poll(Fields):
    id = required("data.poll_id", kind=identifier)
    choice = optional("data.choice", kind=text, example=("yes", "no thanks"))


@family.maps("zoo.answered", reads=Poll)
def answered(poll, platform):
    """The learner answers a poll."""
    if poll.choice in REASONS:
        return Skip(REASONS[poll.choice])
    return {"object": platform.iri("poll", poll.id), "choice": poll.choice}
