"""Admits events whose value cannot be compared with the router's limit.

Caught by: stage.router

Entry point: learnrelay.routers.v1 zoo
"""

from learnrelay import Fields, Skip, hookimpl, optional
from learnrelay.kinds import integer


class Visit(Fields):
    years = optional("data.years_since", kind=integer)


@hookimpl(reads=Visit)
def route_event(fields, destination):
    return Skip("too early") if fields.years is not None and fields.years < 16 else None
