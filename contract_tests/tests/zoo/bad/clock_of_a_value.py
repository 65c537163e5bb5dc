"""Reads today's date through a declared moment, with no effect on the outcome.

Caught by: behaviour.deterministic
"""

from learnrelay import Family, Fields, optional, required
from learnrelay.kinds import moment, number, text

family = Family("carrier.zoo")


class Poll(Fields):
    id = required("data.poll_id", kind=text, example=("poll-17", "poll-18"))
    choice = optional("data.choice", kind=number)
    when = required("timestamp", kind=moment)


@family.maps("zoo.answered", "zoo.changed", reads=Poll)
def answered(poll, platform):
    """The learner answers a poll."""
    return {"object": platform.iri("poll", poll.id), "choice": poll.choice, "late": poll.when.today().year > 2500}
