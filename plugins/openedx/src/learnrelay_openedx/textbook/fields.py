"""Textbooks: PDF files of a course that are read in the platform's own reader.

Words that are searched for are read only where `texts` is on.
"""

from __future__ import annotations

from typing import Any

from learnrelay import Fields, InvalidFieldError, Platform, Skip, optional, required
from learnrelay.kinds import count, one_of, text

from ..addresses import is_known_page, page_address
from ..free_texts import FREE_TEXT

STEP = Skip("a step to the next page is also told by the page that is loaded")

_PAGE = "a number only, whatever the learner typed"


def page_number(value: Any) -> int | None:
    """Reads a page as a number, or as the digits that a learner typed."""
    if type(value) is str:
        return int(value) if value.isascii() and value.isdecimal() and len(value) <= 6 else None
    return count(value)


class ChapterFields(Fields):
    """Declares a chapter by the address of its file."""

    chapter = required(
        "data.chapter", kind=text, reason="the file of the chapter; no more than `page_address` leaves is published",
        example=(
            "/asset-v1:Harbour+SAIL101+2026+type@asset+block@knots.pdf",
            "/asset-v1:Harbour+SAIL101+2026+type@asset+block@ropes.pdf",
        ),
    )  # fmt: skip


class TitledChapterFields(ChapterFields):
    """Declares a chapter with its title."""

    title = optional("data.chapter_title", kind=text)


class PageFields(ChapterFields):
    """Declares a page of a chapter."""

    page = optional("data.page", kind=page_number, reason=_PAGE, example=(12, "14"))


class TurnedPageFields(ChapterFields):
    """Declares a page that was turned to. ``how``: by its number, or by a step."""

    page = optional("data.new", kind=page_number, reason=_PAGE, example=(12, 13))
    how = optional(
        "data.type", kind=one_of("gotopage", "prevpage", "nextpage"), example=("gotopage", "nextpage"),
        reason="whether it is a step, of which the page that is loaded tells too",
    )  # fmt: skip


class ChapterSearchFields(ChapterFields):
    """Declares the words that a chapter is searched for."""

    words = optional("data.query", kind=text, reason=FREE_TEXT)


def chapter_address(chapter: ChapterFields, platform: Platform) -> str:
    """Returns the address of a chapter. Raises InvalidFieldError for what is no page of the web."""
    address = page_address(platform, chapter.chapter, declared="data.chapter")
    if address is None:
        raise InvalidFieldError("not an address of a file", path="data.chapter")
    return address


def page_of(chapter: str, page: int | None) -> str:
    """Returns the address of a page, or of the chapter where the page is not known."""
    return chapter if page is None else f"{chapter}#page={page}"


def is_step(turned: TurnedPageFields) -> bool:
    """Tells whether the reader reports a step, besides the page that it leads to."""
    return turned.how in ("prevpage", "nextpage")


def title_of(chapter: TitledChapterFields, address: str, platform: Platform) -> str | None:
    """Returns the title of a chapter, if what was published of its address is still the chapter's."""
    return chapter.title if is_known_page(platform, address) else None
