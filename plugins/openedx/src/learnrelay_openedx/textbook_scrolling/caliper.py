"""Textbooks that are scrolled through: one event for each page that comes into view."""

from __future__ import annotations

from learnrelay import Family, Platform
from learnrelay_caliper.parts import EventParts

from ..textbook.fields import chapter_address, page_of
from .fields import ScrolledPageFields

family = Family("caliper.textbook_scrolling")


@family.maps(
    "textbook.pdf.page.scrolled",
    reads=ScrolledPageFields, type="ViewEvent", action="Viewed", profile="ReadingProfile",
)  # fmt: skip
def page_scrolled(page: ScrolledPageFields, platform: Platform) -> EventParts:
    """The learner scrolls to a page."""
    return {"object": {"id": page_of(chapter_address(page, platform), page.page), "type": "Page"}}
