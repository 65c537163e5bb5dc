"""Changes the platform that it gets.

Caught by: audit.host
"""

from learnrelay import Family, Fields, optional, required
from learnrelay.kinds import number, text

family = Family("carrier.zoo")


class Poll(Fields):
    id = required("data.poll_id", kind=text, example=("poll-17", "poll-18"))
    choice = optional("data.choice", kind=number)


@family.maps("zoo.answered", "zoo.changed", reads=Poll)
def answered(poll, platform):
    """The learner answers a poll."""
    object.__setattr__(platform, "root_url", platform.root_url)
    object.__setattr__(platform, "iri", lambda *parts: "x")
    return {"object": platform.iri("poll", poll.id), "choice": poll.choice}
