"""Textbooks that are scrolled through: one event for each page that comes into view."""

from __future__ import annotations

from learnrelay import Family, Platform
from learnrelay_xapi import vocabulary as v
from learnrelay_xapi.parts import StatementParts

from ..textbook.fields import chapter_address, page_of
from .fields import ScrolledPageFields

family = Family("xapi.textbook_scrolling")


@family.maps("textbook.pdf.page.scrolled", reads=ScrolledPageFields, verb=v.VIEWED, activity=v.PAGE)
def page_scrolled(page: ScrolledPageFields, platform: Platform) -> StatementParts:
    """The learner scrolls to a page."""
    return {"object": {"id": page_of(chapter_address(page, platform), page.page)}}
