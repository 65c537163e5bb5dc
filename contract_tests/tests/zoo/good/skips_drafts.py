"""Skips events that a flag marks as drafts."""

from learnrelay import Family, Fields, Skip, optional, required
from learnrelay.kinds import boolean, text

family = Family("carrier.zoo")


class Poll(Fields):
    id = required("data.poll_id", kind=text)
    draft = optional("data.draft", kind=boolean)


@family.maps("zoo.answered", reads=Poll)
def answered(poll, platform):
    """The learner answers a poll."""
    if poll.draft:
        return Skip("drafts are not reported")
    return {"object": platform.iri("poll", poll.id)}
