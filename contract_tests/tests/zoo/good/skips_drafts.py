"""Skips what a flag says is no answer yet."""

from learnrelay import Family, Fields, Skip, optional, required
from learnrelay.kinds import boolean, text

family = Family("carrier.zoo")


class Poll(Fields):
    id = required("data.poll_id", kind=text)
    draft = optional("data.draft", kind=boolean)


@family.maps("zoo.answered", reads=Poll)
def answered(poll, site):
    """The learner answers a poll."""
    if poll.draft:
        return Skip("drafts are not reported")
    return {"object": site.iri("poll", poll.id)}
