"""Has a kind that takes a name out of JSON in a text, which nobody declared.

Caught by: privacy.non-interference
"""

import json

from learnrelay import Family, Fields, optional, required
from learnrelay.kinds import text


def author(value):
    try:
        return json.loads(value).get("written_by") if isinstance(value, str) else None
    except (ValueError, AttributeError):
        return None


family = Family("carrier.zoo")


class Poll(Fields):
    id = required("data.poll_id", kind=text, example=("poll-17", "poll-18"))
    note = optional("data.note", kind=author, example=('{"written_by": "anna"}', '{"written_by": "ben"}', "none"))


@family.maps("zoo.answered", "zoo.changed", reads=Poll)
def answered(poll, platform):
    """The learner answers a poll."""
    return {"object": platform.iri("poll", poll.id), "note": poll.note}
