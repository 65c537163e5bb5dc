"""A filter that keeps what it cannot read: an error ends in a finally that returns.

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
