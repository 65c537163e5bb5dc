"""Builds its vocabulary with an object that changes only at import."""

from learnrelay import Family, Fields, optional, required
from learnrelay.kinds import number, text

family = Family("carrier.zoo")


class Vocabulary:
    """Words, numbered as they come."""

    def __init__(self):
        self.words = {}
        self.count = 0

    def word(self, name):
        """A new word."""
        self.count += 1
        self.words[name] = self.count
        return name


WORDS = Vocabulary()
POLL = WORDS.word("poll")


class Poll(Fields):
    id = required("data.poll_id", kind=text)
    choice = optional("data.choice", kind=number)


@family.maps("zoo.answered", "zoo.changed", reads=Poll)
def answered(poll, platform):
    """The learner answers a poll."""
    return {"object": platform.iri(POLL, poll.id), "choice": poll.choice}
