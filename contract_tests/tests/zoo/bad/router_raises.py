"""Raises if a field is missing.

Caught by: stage.router

Entry point: learnrelay.routers.v1 carrier_zoo
"""

from learnrelay import Fields, Skip, hookimpl, optional
from learnrelay.kinds import text


class Source(Fields):
    source = optional("context.event_source", kind=text)


@hookimpl(reads=Source)
def route_event(fields, destination):
    return Skip("mobile stays at home") if fields.source.startswith("mobile") else None
