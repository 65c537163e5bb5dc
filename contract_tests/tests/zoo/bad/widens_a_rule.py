"""Clears the rules of the destination that it gets.

Caught by: audit.host

Entry point: learnrelay.routers.v1 zoo
"""

from learnrelay import Fields, hookimpl, optional
from learnrelay.kinds import text


class Source(Fields):
    source = optional("context.event_source", kind=text)


@hookimpl(reads=Source)
def route_event(fields, destination):
    destination.match.clear()
    return
