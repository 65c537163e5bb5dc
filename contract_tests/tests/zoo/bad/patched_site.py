"""Changes the site that it is handed.

Caught by: privacy.host-untouched
"""

from learnrelay import Family, Fields, optional, required
from learnrelay.kinds import number, text

family = Family("carrier.zoo")


class Poll(Fields):
    id = required("data.poll_id", kind=text, example=("poll-17", "poll-18"))
    choice = optional("data.choice", kind=number)


@family.maps("zoo.answered", "zoo.changed", reads=Poll)
def answered(poll, site):
    """The learner answers a poll."""
    object.__setattr__(site, "root_url", site.root_url)
    object.__setattr__(site, "iri", lambda *parts: "x")
    return {"object": site.iri("poll", poll.id), "choice": poll.choice}
