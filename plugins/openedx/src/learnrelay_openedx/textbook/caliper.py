"""Textbooks: pages turned to, chapters chosen, searches."""

from __future__ import annotations

from learnrelay import Family, Platform, Skip
from learnrelay_caliper.entities import Entity, search_for
from learnrelay_caliper.parts import EventKind, EventParts

from ..free_texts import FreeTextSettings, words_of
from .fields import (
    STEP,
    ChapterFields,
    ChapterSearchFields,
    PageFields,
    TitledChapterFields,
    TurnedPageFields,
    chapter_address,
    is_step,
    page_of,
    title_of,
)

family = Family("caliper.textbook", settings_schema=FreeTextSettings)

NAVIGATED: EventKind = {"type": "NavigationEvent", "action": "NavigatedTo", "profile": "ReadingProfile"}


def frame(chapter: str, page: int | None) -> Entity | None:
    """Makes a page of a chapter, where it is known."""
    if page is None:
        return None
    return {"id": page_of(chapter, page), "type": "Frame", "index": page, "isPartOf": chapter}


def to_page(chapter: ChapterFields | TurnedPageFields, page: int | None, platform: Platform) -> EventParts:
    """Makes a chapter, with the page that is reached as target."""
    address = chapter_address(chapter, platform)
    return {"object": {"id": address, "type": "Document"}, "target": frame(address, page)}


@family.maps("book", "textbook.pdf.page.loaded", reads=TurnedPageFields, **NAVIGATED)
def page_turned(turned: TurnedPageFields, platform: Platform) -> EventParts | Skip:
    """The learner turns to a page."""
    return STEP if is_step(turned) else to_page(turned, turned.page, platform)


@family.maps("textbook.pdf.page.navigated", "textbook.pdf.thumbnail.navigated", reads=PageFields, **NAVIGATED)
def page_chosen(page: PageFields, platform: Platform) -> EventParts:
    """The learner goes to a page by its number or its picture."""
    return to_page(page, page.page, platform)


@family.maps("textbook.pdf.chapter.navigated", reads=TitledChapterFields, **NAVIGATED)
def chapter_chosen(chapter: TitledChapterFields, platform: Platform) -> EventParts:
    """The learner goes to a chapter."""
    address = chapter_address(chapter, platform)
    return {"object": {"id": address, "type": "Chapter", "name": title_of(chapter, address, platform)}}


@family.maps(
    "textbook.pdf.search.executed",
    reads=ChapterFields, reads_if={"texts": ChapterSearchFields},
    type="SearchEvent", action="Searched", profile="SearchProfile",
)  # fmt: skip
def text_searched(chapter: ChapterFields, platform: Platform) -> EventParts:
    """The learner searches in a chapter; the words stay out unless the operator lets them out."""
    address = chapter_address(chapter, platform)
    return {"object": {"id": address, "type": "Document"}, "generated": search_for(address, words_of(chapter))}
