"""Uses a generator for one event."""

from learnrelay import Family, Fields, Skip, optional, required
from learnrelay.kinds import identifier, number, text


def upper(words):
    for word in words:
        yield word.upper()


family = Family("carrier.zoo")


class Poll(Fields):
    id = required("data.poll_id", kind=identifier)
    choice = optional("data.choice", kind=text, example=("yes", "no thanks"))


@family.maps("zoo.answered", reads=Poll)
def answered(poll, platform):
    """The learner answers a poll."""
    words = list(upper((poll.choice or "").split()))
    return {"object": platform.iri("poll", poll.id), "choice": " ".join(words)}
