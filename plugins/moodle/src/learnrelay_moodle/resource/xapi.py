"""Books and folders: a learner reads a chapter, and downloads a folder."""

from __future__ import annotations

from learnrelay import Family, Platform
from learnrelay_xapi import vocabulary as v
from learnrelay_xapi.parts import StatementParts

from .. import xapi_vocabulary as moodle
from ..addresses import activity_address
from ..xapi_activities import inside_activity
from .fields import ChapterFields, FolderFields, chapter_address

family = Family("xapi.moodle_resource")


@family.maps(r"\mod_book\event\chapter_viewed", reads=ChapterFields, verb=v.VIEWED, activity=moodle.CHAPTER)
def chapter_viewed(chapter: ChapterFields, platform: Platform) -> StatementParts:
    """The learner reads a chapter of a book."""
    return {
        "object": {"id": chapter_address(chapter, platform)},
        "context": inside_activity(platform, "book", chapter.cmid),
    }


@family.maps(
    r"\mod_folder\event\all_files_downloaded",
    reads=FolderFields, verb=moodle.DOWNLOADED, activity=moodle.COLLECTION,
)  # fmt: skip
def folder_downloaded(folder: FolderFields, platform: Platform) -> StatementParts:
    """The learner downloads all files of a folder."""
    return {"object": {"id": activity_address(platform, "folder", folder.cmid)}}
