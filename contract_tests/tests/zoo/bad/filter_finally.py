"""Keeps events that the filter cannot read: a finally returns after an error.

Caught by: source.privacy

Entry point: learnrelay.filters.v1 zoo
"""

from learnrelay import Fields, Skip, hookimpl, optional
from learnrelay.kinds import text


class Visit(Fields):
    mode = optional("data.mode", kind=text, example=("verified", "audit"))


@hookimpl(reads=Visit)
def filter_event(fields):
    answer = None
    try:
        answer = Skip("audit is not reported") if fields.mode.startswith("audit") else None
    finally:
        return answer
