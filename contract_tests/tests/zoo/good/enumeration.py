"""Maps choices to an enumeration."""

from enum import Enum

from learnrelay import Family, Fields, Skip, optional, required
from learnrelay.kinds import identifier, number, text


class Choice(Enum):
    YES = "yes"
    OTHER = "other"

    @classmethod
    def of(cls, word):
        return cls.YES if word == "yes" else cls.OTHER


family = Family("carrier.zoo")


class Poll(Fields):
    id = required("data.poll_id", kind=identifier)
    choice = optional("data.choice", kind=text, example=("yes", "no thanks"))


@family.maps("zoo.answered", reads=Poll)
def answered(poll, platform):
    """The learner answers a poll."""
    return {"object": platform.iri("poll", poll.id), "choice": Choice.of(poll.choice).value}
