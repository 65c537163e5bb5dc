"""Has a lambda as kind that reads one flag of its declared parent.

Caught by: privacy.non-interference
"""

from learnrelay import Family, Fields, optional, required
from learnrelay.kinds import number, text

family = Family("carrier.zoo")


class Poll(Fields):
    id = required("data.poll_id", kind=text, example=("poll-17", "poll-18"))
    choice = optional("data.choice", kind=number)
    staff = optional("context", kind=lambda value: value.get("is_staff") if hasattr(value, "get") else None)


@family.maps("zoo.answered", "zoo.changed", reads=Poll)
def answered(poll, platform):
    """The learner answers a poll."""
    return {"object": platform.iri("poll", poll.id), "choice": poll.choice, "staff": poll.staff}
