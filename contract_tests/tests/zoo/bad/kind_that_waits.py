"""A kind that digs only for one person, whom no sample is.

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
def answered(poll, site):
    """The learner answers a poll."""
    return {"object": site.iri("poll", poll.id), "who": poll.who}
