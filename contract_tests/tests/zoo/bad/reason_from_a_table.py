"""Skips for a reason from a table, or for the value itself.

Caught by: source.privacy privacy.errors-and-logs
"""

from learnrelay import Family, Fields, Skip, optional, required
from learnrelay.kinds import identifier, number, text

REASONS = {"a": "a draft is not reported"}
family = Family("carrier.zoo")


class Poll(Fields):
    id = required("data.poll_id", kind=identifier)
    mode = required("data.mode", kind=text, example=("full", "a", "b"))


@family.maps("zoo.answered", reads=Poll)
def answered(poll, platform):
    """The learner answers a poll."""
    if poll.mode != "full":
        return Skip(REASONS.get(poll.mode, poll.mode))
    return {"object": platform.iri("poll", poll.id), "choice": poll.mode}
