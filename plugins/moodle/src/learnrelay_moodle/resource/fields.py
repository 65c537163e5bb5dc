"""Books and folders: chapters that are read, folders that are taken away."""

from __future__ import annotations

from learnrelay import Fields, Platform, required

from ..addresses import activity_address
from ..column_kinds import ABOUT, row_id


class ChapterFields(Fields):
    """Declares a chapter of a book."""

    cmid = required("context.contextinstanceid", kind=row_id)
    chapter_id = required("context.objectid", kind=row_id, reason=ABOUT)


class FolderFields(Fields):
    """Declares a folder."""

    cmid = required("context.contextinstanceid", kind=row_id)


def chapter_address(chapter: ChapterFields, platform: Platform) -> str:
    """Returns the address of a chapter."""
    return f"{activity_address(platform, 'book', chapter.cmid)}&chapterid={chapter.chapter_id}"
