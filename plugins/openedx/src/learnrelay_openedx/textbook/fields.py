"""Textbooks: PDF files of a course that are read in the platform's own reader.

Words that are searched for are read only where `texts` is on.
"""

from __future__ import annotations

import re
from typing import Any

from learnrelay import Fields, InvalidFieldError, Platform, Skip, optional, required
from learnrelay.kinds import count, one_of, text

from ..addresses import is_known_page, page_address
from ..free_texts import FREE_TEXT
from ..keys import LONGEST_NAMED

STEP = Skip("a step to the next page is also told by the page that is loaded")

_PAGE = "a number only, whatever the learner typed"
_FILE = "the file of the chapter; no more than `page_address` leaves is published"
_FILES = (
    "/asset-v1:Harbour+SAIL101+2026+type@asset+block@knots.pdf",
    "/asset-v1:Harbour+SAIL101+2026+type@asset+block@ropes.pdf",
)


def page_number(value: Any) -> int | None:
    """Reads a page as a number, or as the digits that a learner typed."""
    if type(value) is str:
        return int(value) if value.isascii() and value.isdecimal() and len(value) <= 6 else None
    return count(value)


class ChapterFields(Fields):
    """Declares a chapter by the address of its file."""

    chapter = required("data.chapter", kind=text, reason=_FILE, example=_FILES)


class TitledChapterFields(ChapterFields):
    """Declares a chapter with its title."""

    title = optional("data.chapter_title", kind=text)


class PageFields(ChapterFields):
    """Declares a page of a chapter."""

    page = optional("data.page", kind=page_number, reason=_PAGE, example=(12, "14"))


_BOOK = re.compile(r"(https?://[^?#]+/courses/[^?#]+/book/\d{1,3})(?:/\d{1,4})?/?")


def book_of_page(value: Any) -> str | None:
    """Reads the address of a book of images without the page of it: a kind for fields.

    >>> book_of_page("https://learn.example.org/courses/Harbour/SAIL/2013/book/0/12")
    'https://learn.example.org/courses/Harbour/SAIL/2013/book/0'
    """
    match = _BOOK.fullmatch(value) if type(value) is str and len(value) <= LONGEST_NAMED else None
    return match[1] if match else None


class TurnedPageFields(Fields):
    """Declares a page that was turned to. ``how``: by its number, or by a step. A book of images has no chapters."""

    chapter = optional("data.chapter", kind=text, reason=_FILE, example=_FILES)
    book = optional(
        "context.page", kind=book_of_page, reason="the book, where no chapter is named; no page of another kind",
        example=("https://learn.example.org/courses/course-v1:Harbour+SAIL+2026/book/0/12",),
    )  # fmt: skip
    page = optional("data.new", kind=page_number, reason=_PAGE, example=(12, 13))
    how = optional(
        "data.type", kind=one_of("gotopage", "prevpage", "nextpage"), example=("gotopage", "nextpage"),
        reason="whether it is a step, of which the page that is loaded tells too",
    )  # fmt: skip


class ChapterSearchFields(ChapterFields):
    """Declares the words that a chapter is searched for."""

    words = optional("data.query", kind=text, reason=FREE_TEXT)


def chapter_address(chapter: ChapterFields | TurnedPageFields, platform: Platform) -> str:
    """Returns the address of a chapter, or of a book of images. Raises InvalidFieldError where there is none."""
    file = chapter.chapter or (chapter.book if isinstance(chapter, TurnedPageFields) else None)
    if file is None:
        raise InvalidFieldError("neither a chapter nor the page of a book", path="data.chapter")
    address = page_address(platform, file, declared="data.chapter")
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
