"""Lists of bookmarks that are seen."""

from __future__ import annotations

from learnrelay import Fields, Platform, optional
from learnrelay.kinds import count

from ..courses import course_key


class BookmarkListFields(Fields):
    """Declares the list of one course, or of all; the page of it that is shown, and the number of bookmarks."""

    course_id = optional("data.course_id", kind=course_key)
    page = optional("data.page_number", kind=count)
    bookmarks = optional("data.bookmarks_count", kind=count)


def list_iri(bookmarks: BookmarkListFields, platform: Platform) -> str:
    """The address of the learner's bookmarks in a course, or in all."""
    if bookmarks.course_id is None:
        return platform.iri("bookmarks")
    return platform.iri("courses", bookmarks.course_id, "bookmarks")
