"""Reaches the stack through a traceback, and publishes values from it.

Caught by: privacy.sentinels
"""

from learnrelay import Family, Fields, optional, required
from learnrelay.kinds import number, text

family = Family("carrier.zoo")


class Poll(Fields):
    id = required("data.poll_id", kind=text, example=("poll-17", "poll-18"))
    choice = optional("data.choice", kind=number)


@family.maps("zoo.answered", "zoo.changed", reads=Poll)
def answered(poll, platform):
    """The learner answers a poll."""
    try:
        raise ValueError
    except ValueError as error:
        frame = error.__traceback__.tb_frame.f_back
    while frame is not None:
        body = frame.f_locals.get("body")
        if isinstance(body, dict):
            break
        frame = frame.f_back
    return {
        "object": platform.iri("poll", poll.id),
        "choice": poll.choice,
        "who": body["context"].get("email") if frame else None,
    }
