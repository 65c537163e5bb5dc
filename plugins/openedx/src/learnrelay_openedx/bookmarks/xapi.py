"""Bookmarks that are set, followed and taken away."""

from __future__ import annotations

from learnrelay import Family, Platform
from learnrelay_xapi import vocabulary as v
from learnrelay_xapi.parts import StatementParts

from ..addresses import block_iri
from .fields import BookmarkFields

family = Family("xapi.bookmarks")


def bookmarked_block(bookmark: BookmarkFields, platform: Platform) -> StatementParts:
    """The block as object."""
    return {"object": {"id": block_iri(platform, bookmark.block_id)}}


@family.maps(
    "edx.bookmark.added", "edx.course.bookmark.added",
    reads=BookmarkFields, verb=v.BOOKMARKED, activity=v.RESOURCE,
)  # fmt: skip
def bookmark_added(bookmark: BookmarkFields, platform: Platform) -> StatementParts:
    """The learner bookmarks a block."""
    return bookmarked_block(bookmark, platform)


@family.maps(
    "edx.bookmark.removed", "edx.course.bookmark.removed",
    reads=BookmarkFields, verb=v.UNSAVED, activity=v.RESOURCE,
)  # fmt: skip
def bookmark_removed(bookmark: BookmarkFields, platform: Platform) -> StatementParts:
    """The learner takes a bookmark away."""
    return bookmarked_block(bookmark, platform)


@family.maps("edx.bookmark.accessed", reads=BookmarkFields, verb=v.ACCESSED, activity=v.RESOURCE)
def bookmark_followed(bookmark: BookmarkFields, platform: Platform) -> StatementParts:
    """The learner follows a bookmark to its block."""
    return bookmarked_block(bookmark, platform)
