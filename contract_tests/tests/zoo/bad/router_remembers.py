"""Decides about one tenant's events by another tenant's.

Caught by: stage.router

Entry point: learnrelay.routers.v1 carrier_zoo
"""

from learnrelay import Fields, Skip, hookimpl, optional
from learnrelay.kinds import text

SEEN = set()


class Source(Fields):
    source = optional("context.event_source", kind=text)


@hookimpl(reads=Source)
def route_event(fields, destination):
    SEEN.add(destination.name)
    return Skip("not for this one") if destination.name == "south" and "north" in SEEN else None
