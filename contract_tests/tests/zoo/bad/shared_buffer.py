"""Gathers words in a buffer that all threads share, and that no event leaves anything in.

Caught by: behaviour.threads
"""

from learnrelay import Family, Fields, required
from learnrelay.kinds import identifier, text

family = Family("carrier.zoo")


class Poll(Fields):
    id = required("data.poll_id", kind=identifier)
    choice = required("data.choice", kind=text, example=("a b c d e", "f g h i j k"))


def turned(words, buffer=[]):
    buffer.clear()
    for word in words.split():
        buffer.insert(0, word)
    return " ".join(buffer)


@family.maps("zoo.answered", reads=Poll)
def answered(poll, platform):
    """The learner answers a poll."""
    return {"object": platform.iri("poll", poll.id), "choice": turned(poll.choice)}
