"""Has a kind that reads its parent's fields only for one person, who is in no sample.

Caught by: source.privacy
"""

from learnrelay import Family, Fields, optional, required
from learnrelay.kinds import text


def president(value):
    return value["email"] if isinstance(value, dict) and value.get("full_name") == "Jane Roe" else None


family = Family("carrier.zoo")


class Poll(Fields):
    id = required("data.poll_id", kind=text, example=("poll-17", "poll-18"))
    who = optional("context", kind=president)


@family.maps("zoo.answered", reads=Poll)
def answered(poll, platform):
    """The learner answers a poll."""
    return {"object": platform.iri("poll", poll.id), "who": poll.who}
