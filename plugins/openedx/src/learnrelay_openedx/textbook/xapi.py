"""Textbooks: pages turned to, chapters chosen, searches."""

from __future__ import annotations

from learnrelay import Family, Platform, Skip
from learnrelay_xapi import activities
from learnrelay_xapi import vocabulary as v
from learnrelay_xapi.parts import StatementParts

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

family = Family("xapi.textbook", settings_schema=FreeTextSettings)


@family.maps("book", "textbook.pdf.page.loaded", reads=TurnedPageFields, verb=v.VIEWED, activity=v.PAGE)
def page_turned(turned: TurnedPageFields, platform: Platform) -> StatementParts | Skip:
    """The learner turns to a page."""
    if is_step(turned):
        return STEP
    return {"object": {"id": page_of(chapter_address(turned, platform), turned.page)}}


@family.maps(
    "textbook.pdf.page.navigated", "textbook.pdf.thumbnail.navigated",
    reads=PageFields, verb=v.NAVIGATED, activity=v.PAGE,
)  # fmt: skip
def page_chosen(page: PageFields, platform: Platform) -> StatementParts:
    """The learner goes to a page by its number or its picture."""
    return {"object": {"id": page_of(chapter_address(page, platform), page.page)}}


@family.maps("textbook.pdf.chapter.navigated", reads=TitledChapterFields, verb=v.NAVIGATED, activity=v.CHAPTER)
def chapter_chosen(chapter: TitledChapterFields, platform: Platform) -> StatementParts:
    """The learner goes to a chapter."""
    address = chapter_address(chapter, platform)
    title = activities.text(title_of(chapter, address, platform), platform)
    return {"object": {"id": address, "definition": {"name": title}}}


@family.maps(
    "textbook.pdf.search.executed",
    reads=ChapterFields, reads_if={"texts": ChapterSearchFields}, verb=v.SEARCHED, activity=v.DOCUMENT,
)  # fmt: skip
def text_searched(chapter: ChapterFields, platform: Platform) -> StatementParts:
    """The learner searches in a chapter; the words stay out unless the operator lets them out."""
    return {"object": {"id": chapter_address(chapter, platform)}, "result": {"response": words_of(chapter)}}
