"""Returns a Skip without a reason.

Caught by: stage.filter

Entry point: learnrelay.filters.v1 carrier_zoo
"""

from learnrelay import Fields, Skip, hookimpl, optional
from learnrelay.kinds import text


class Mode(Fields):
    mode = optional("data.mode", kind=text, example=("verified", "audit"))


@hookimpl(reads=Mode)
def filter_event(fields):
    return Skip("") if fields.mode == "audit" else None
