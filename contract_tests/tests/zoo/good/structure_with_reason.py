"""Reads a whole structure with a reason."""

from learnrelay import Family, Fields, optional, required
from learnrelay.kinds import number, structure, text

family = Family("carrier.zoo")


class Poll(Fields):
    id = required("data.poll_id", kind=text)
    answer = optional("data.answer", kind=structure, reason="the answer is what the statement is about")
    choice = optional("data.choice", kind=number)


@family.maps("zoo.answered", reads=Poll)
def answered(poll, platform):
    """The learner answers a poll."""
    return {"object": platform.iri("poll", poll.id), "answer": poll.answer}
