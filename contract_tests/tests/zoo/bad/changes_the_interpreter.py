"""Changes a limit of the interpreter at import.

Caught by: source.privacy
"""

import sys

from learnrelay import Family, Fields, optional, required
from learnrelay.kinds import number, text

sys.setrecursionlimit(250)
family = Family("carrier.zoo")


class Poll(Fields):
    id = required("data.poll_id", kind=text)
    choice = optional("data.choice", kind=number)


@family.maps("zoo.answered", "zoo.changed", reads=Poll)
def answered(poll, platform):
    """The learner answers a poll."""
    return {"object": platform.iri("poll", poll.id), "choice": poll.choice}
