"""Keeps events that the filter cannot judge.

Caught by: source.privacy

Entry point: learnrelay.filters.v1 carrier_zoo
"""

from learnrelay import Fields, Skip, hookimpl, optional
from learnrelay.kinds import text


class Mode(Fields):
    mode = optional("data.mode", kind=text, example=("verified", "audit"))


@hookimpl(reads=Mode)
def filter_event(fields):
    try:
        return Skip("audit is not reported") if fields.mode.startswith("audit") else None
    except Exception:
        return None
