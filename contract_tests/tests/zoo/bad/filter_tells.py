"""Puts a value into the reason of a skip.

Caught by: privacy.errors-and-logs

Entry point: learnrelay.filters.v1 carrier_zoo
"""

from learnrelay import Fields, Skip, hookimpl, optional
from learnrelay.kinds import text


class Mode(Fields):
    mode = optional("data.mode", kind=text, example=("verified", "audit"))


@hookimpl(reads=Mode)
def filter_event(fields):
    return Skip("unknown mode " + fields.mode) if fields.mode not in (None, "verified", "audit") else None
