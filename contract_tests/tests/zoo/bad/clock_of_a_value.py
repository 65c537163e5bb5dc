"""Asks a declared moment what day is today, and hides the answer's effect.

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
def answered(poll, site):
    """The learner answers a poll."""
    return {"object": site.iri("poll", poll.id), "choice": poll.choice, "late": poll.when.today().year > 2500}
