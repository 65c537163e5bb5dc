"""Changes the source event.

Caught by: behaviour.source-unchanged
"""

from learnrelay import Family, Fields, optional, required
from learnrelay.kinds import number, structure, text

family = Family("carrier.zoo")


class Poll(Fields):
    id = required("data.poll_id", kind=text, example=("poll-17", "poll-18"))
    choice = optional("data.choice", kind=number)
    tags = optional("data.tags", kind=structure, reason="tags that the teacher gave the poll", example=(["b", "a"],))


@family.maps("zoo.answered", "zoo.changed", reads=Poll)
def answered(poll, platform):
    """The learner answers a poll."""
    poll.tags.sort()
    return {"object": platform.iri("poll", poll.id), "choice": poll.choice, "tags": poll.tags}
