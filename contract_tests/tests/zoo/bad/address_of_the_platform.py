"""Takes the platform's address apart.

Caught by: behaviour.valid
"""

from learnrelay import Family, Fields, Skip, optional, required
from learnrelay.kinds import identifier, number, text

family = Family("carrier.zoo")


class Poll(Fields):
    id = required("data.poll_id", kind=identifier)
    choice = optional("data.choice", kind=text, example=("yes", "no thanks"))


@family.maps("zoo.answered", reads=Poll)
def answered(poll, platform):
    """The learner answers a poll."""
    tenant = platform.root_url.removeprefix("https://").split(".")[1]
    return {"object": platform.iri("poll", poll.id), "choice": tenant}
