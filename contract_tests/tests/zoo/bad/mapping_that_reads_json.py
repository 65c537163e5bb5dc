"""Takes a name out of JSON in a declared text, in the mapping.

Caught by: privacy.non-interference
"""

import json

from learnrelay import Family, Fields, Skip, optional, required
from learnrelay.kinds import identifier, number, text

family = Family("carrier.zoo")


class Poll(Fields):
    id = required("data.poll_id", kind=identifier)
    note = required("data.note", kind=text)


@family.maps("zoo.answered", reads=Poll)
def answered(poll, platform):
    """The learner answers a poll."""
    try:
        who = json.loads(poll.note)["email"]
    except (ValueError, KeyError, TypeError):
        who = None
    return {"object": platform.iri("poll", poll.id), "choice": who}
