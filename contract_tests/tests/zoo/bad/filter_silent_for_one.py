"""Returns a Skip without a reason, for one mode only.

Caught by: stage.filter

Entry point: learnrelay.filters.v1 zoo
"""

from learnrelay import Fields, Skip, hookimpl, optional
from learnrelay.kinds import text


class Mode(Fields):
    mode = optional("data.kind_of_visit", kind=text)


@hookimpl(reads=Mode)
def filter_event(fields):
    return Skip("") if fields.mode == "auditing" else None
