"""Pages that are left: one event for each page of the platform that a browser closes."""

from __future__ import annotations

from learnrelay import Family, Platform, Skip
from learnrelay_xapi import vocabulary as v
from learnrelay_xapi.parts import StatementParts

from ..addresses import NO_PAGE, page_address
from .fields import ClosedPageFields

family = Family("xapi.page_close")


@family.maps("page_close", reads=ClosedPageFields, verb=v.TERMINATED, activity=v.WEBPAGE)
def page_closed(closed: ClosedPageFields, platform: Platform) -> StatementParts | Skip:
    """The learner leaves a page."""
    address = page_address(platform, closed.page, declared="context.page")
    return Skip(NO_PAGE) if address is None else {"object": {"id": address}}
