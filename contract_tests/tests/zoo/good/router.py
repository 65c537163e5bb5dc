"""Routes events by their source.

Entry point: learnrelay.routers.v1 carrier_zoo
"""

from learnrelay import Fields, Skip, hookimpl, optional
from learnrelay.kinds import text


class Source(Fields):
    source = optional("context.event_source", kind=text)


@hookimpl(reads=Source)
def route_event(fields, destination):
    mobile = fields.source is not None and fields.source.startswith("mobile")
    return Skip("mobile events stay at home") if mobile or destination.name == "south" else None
