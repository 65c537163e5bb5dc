"""Writes times in another form."""

from learnrelay import Family, Fields, optional, required
from learnrelay.kinds import moment, number, text

family = Family("carrier.zoo")


class Poll(Fields):
    id = required("data.poll_id", kind=text)
    due = optional("data.due", kind=moment)
    choice = optional("data.choice", kind=number)


@family.maps("zoo.answered", reads=Poll)
def answered(poll, platform):
    """The learner answers a poll."""
    return {"object": platform.iri("poll", poll.id), "due": poll.due and poll.due.isoformat()}
