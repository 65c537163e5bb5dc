"""Keeps events whose value cannot be compared with the filter's limit.

Caught by: stage.filter

Entry point: learnrelay.filters.v1 zoo
"""

from learnrelay import Fields, Skip, hookimpl, optional
from learnrelay.kinds import number


class Visit(Fields):
    hours = optional("data.hours", kind=number)


@hookimpl(reads=Visit)
def filter_event(fields):
    return Skip("too short") if fields.hours is not None and fields.hours < 1 else None
