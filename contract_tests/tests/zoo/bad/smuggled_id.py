"""Derives the id of the statement from an undeclared field.

Caught by: privacy.non-interference
"""

from uuid import NAMESPACE_URL, uuid5

from learnrelay import Family, Fields, optional, required
from learnrelay.kinds import number, text


def mail(value):
    return value.get("email") if isinstance(value, dict) else None


family = Family("carrier.zoo")


class Poll(Fields):
    id = required("data.poll_id", kind=text, example=("poll-17", "poll-18"))
    choice = optional("data.choice", kind=number)
    more = optional("context", kind=mail)


@family.maps("zoo.answered", "zoo.changed", reads=Poll)
def answered(poll, platform):
    """The learner answers a poll."""
    return {"object": platform.iri("poll", poll.id, str(uuid5(NAMESPACE_URL, poll.more or "")))}
