"""Declares single values of texts that hold others: JSON, a form and a query string."""

from learnrelay import Family, Fields, optional, required
from learnrelay.kinds import count, text

family = Family("carrier.zoo")


class Poll(Fields):
    id = required("data.other|json.poll.id", kind=text, example=("poll-17", "poll-18"))
    votes = optional("data.other|json.votes", kind=count)
    choice = optional("data.answers|form.choice", kind=text, example=("tea", "coffee"))
    page = optional("context.address|query.page", kind=text, example=("start", "end"))


@family.maps("zoo.answered", "zoo.changed", reads=Poll)
def answered(poll, platform):
    """The learner answers a poll."""
    parts = {"object": platform.iri("poll", poll.id), "votes": poll.votes, "choice": poll.choice, "page": poll.page}
    return {name: value for name, value in parts.items() if value is not None}
