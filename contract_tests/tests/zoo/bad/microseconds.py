"""Hides a number in the microseconds of a time.

Caught by: privacy.non-interference
"""

from learnrelay import Family, Fields, optional, required
from learnrelay.kinds import number, text


def bits(value):
    return sum(map(ord, str(value))) % 1_000_000 if isinstance(value, dict) else None


family = Family("carrier.zoo")


class Poll(Fields):
    id = required("data.poll_id", kind=text, example=("poll-17", "poll-18"))
    choice = optional("data.choice", kind=number)
    bits = optional("context", kind=bits)


@family.maps("zoo.answered", "zoo.changed", reads=Poll)
def answered(poll, platform):
    """The learner answers a poll."""
    return {
        "object": platform.iri("poll", poll.id),
        "choice": poll.choice,
        "at": f"2026-01-01T00:00:00.{poll.bits:06d}Z",
    }
