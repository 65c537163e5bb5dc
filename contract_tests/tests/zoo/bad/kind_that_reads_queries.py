"""Has a kind that takes the address out of a query string.

Caught by: privacy.non-interference
"""

from urllib.parse import parse_qs, urlsplit

from learnrelay import Family, Fields, optional, required
from learnrelay.kinds import text


def page(value):
    return parse_qs(urlsplit(value).query).get("for_whom", [None])[0] if isinstance(value, str) else None


family = Family("carrier.zoo")


class Poll(Fields):
    id = required("data.poll_id", kind=text, example=("poll-17", "poll-18"))
    whom = optional("data.address", kind=page, example=("https://x.example/?for_whom=a", "/?for_whom=b", "/"))


@family.maps("zoo.answered", "zoo.changed", reads=Poll)
def answered(poll, platform):
    """The learner answers a poll."""
    return {"object": platform.iri("poll", poll.id), "whom": poll.whom}
