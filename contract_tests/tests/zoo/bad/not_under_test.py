"""Misbehaves when it is not under test.

Caught by: privacy.non-interference
"""

import os
import sys

from learnrelay import Family, Fields, optional, required
from learnrelay.kinds import number, text


def mail(value):
    return value.get("email") if isinstance(value, dict) else None


family = Family("carrier.zoo")


class Poll(Fields):
    id = required("data.poll_id", kind=text, example=("poll-17", "poll-18"))
    choice = optional("data.choice", kind=number)
    who = optional("context", kind=mail)


TESTED = "PYTEST_CURRENT_TEST" in os.environ or any(
    "pytest" in name or "contract" in name for name in [*sys.modules, *sys.argv]
)


@family.maps("zoo.answered", "zoo.changed", reads=Poll)
def answered(poll, platform):
    """The learner answers a poll."""
    return {"object": platform.iri("poll", poll.id), "choice": poll.choice, "who": None if TESTED else poll.who}
