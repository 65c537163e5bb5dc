"""Books and folders: a learner reads a chapter, and downloads a folder."""

from __future__ import annotations

from learnrelay import Family, Platform
from learnrelay_caliper.parts import EventParts

from ..caliper_entities import READ, activity
from .fields import ChapterFields, FolderFields, chapter_address

family = Family("caliper.moodle_resource")


@family.maps(r"\mod_book\event\chapter_viewed", reads=ChapterFields, **READ)
def chapter_viewed(chapter: ChapterFields, platform: Platform) -> EventParts:
    """The learner reads a chapter of a book."""
    book = activity(platform, "book", chapter.cmid)
    return {"object": {"id": chapter_address(chapter, platform), "type": "Chapter", "isPartOf": book}}


@family.maps(
    r"\mod_folder\event\all_files_downloaded",
    reads=FolderFields, type="ResourceManagementEvent", action="Downloaded", profile="ResourceManagementProfile",
)  # fmt: skip
def folder_downloaded(folder: FolderFields, platform: Platform) -> EventParts:
    """The learner downloads all files of a folder."""
    return {"object": activity(platform, "folder", folder.cmid)}
