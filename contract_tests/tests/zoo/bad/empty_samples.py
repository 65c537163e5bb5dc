"""Has an empty list of samples, and code that no sample reaches.

Caught by: samples.reach samples.lines
"""

from learnrelay import Family, Fields, Skip, optional, required
from learnrelay.kinds import number, text

family = Family("carrier.zoo", samples=[])


class Poll(Fields):
    id = required("data.poll_id", kind=text, example=("poll-17", "poll-18"))
    choice = optional("data.choice", kind=number)


@family.maps("zoo.answered", "zoo.changed", reads=Poll)
def answered(poll, platform):
    """The learner answers a poll."""
    if f"{poll.choice}"[::-1] != "5.7714":
        return Skip("only one choice counts")
    return {"object": platform.iri("poll", poll.id), "choice": poll.choice}
