"""Has a kind that hides an undeclared name in reversed base64.

Caught by: privacy.non-interference
"""

from base64 import b64encode

from learnrelay import Family, Fields, optional, required
from learnrelay.kinds import number, text


def hidden(value):
    name = value.get("full_name") if isinstance(value, dict) else None
    return b64encode(str(name)[::-1].encode()).decode() if name else None


family = Family("carrier.zoo")


class Poll(Fields):
    id = required("data.poll_id", kind=text, example=("poll-17", "poll-18"))
    choice = optional("data.choice", kind=number)
    who = optional("data", kind=hidden)


@family.maps("zoo.answered", "zoo.changed", reads=Poll)
def answered(poll, platform):
    """The learner answers a poll."""
    return {"object": platform.iri("poll", poll.id), "choice": poll.choice, "etag": poll.who}
