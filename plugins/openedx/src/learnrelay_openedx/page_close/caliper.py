"""Pages that are left: one event for each page of the platform that a browser closes."""

from __future__ import annotations

from learnrelay import Family, Platform, Skip
from learnrelay_caliper.parts import EventParts

from ..addresses import NO_PAGE, page_address
from .fields import ClosedPageFields

family = Family("caliper.page_close")


@family.maps("page_close", reads=ClosedPageFields, type="Event", action="Ended", profile="GeneralProfile")
def page_closed(closed: ClosedPageFields, platform: Platform) -> EventParts | Skip:
    """The learner leaves a page."""
    address = page_address(platform, closed.page, declared="context.page")
    return Skip(NO_PAGE) if address is None else {"object": {"id": address, "type": "WebPage"}}
