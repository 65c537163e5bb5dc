"""Gathers its values in a class of its own."""

from dataclasses import dataclass

from learnrelay import Family, Fields, Skip, optional, required
from learnrelay.kinds import identifier, number, text


@dataclass(frozen=True)
class Answer:
    choice: str | None

    @property
    def text(self):
        return self.choice or "none"


family = Family("carrier.zoo")


class Poll(Fields):
    id = required("data.poll_id", kind=identifier)
    choice = optional("data.choice", kind=text, example=("yes", "no thanks"))


@family.maps("zoo.answered", reads=Poll)
def answered(poll, platform):
    """The learner answers a poll."""
    return {"object": platform.iri("poll", poll.id), "choice": Answer(poll.choice).text}
