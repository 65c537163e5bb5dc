"""Has a limit that its first sample does not reach, and drops what it cannot compare.

Entry point: learnrelay.filters.v1 zoo
"""

from learnrelay import Fields, Skip, hookimpl, optional
from learnrelay.kinds import number


class Visit(Fields):
    hours = optional("data.hours", kind=number)


@hookimpl(reads=Visit)
def filter_event(fields):
    return Skip("too short to count") if fields.hours is None or fields.hours < 100 else None
