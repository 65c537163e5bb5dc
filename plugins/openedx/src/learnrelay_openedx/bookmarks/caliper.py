"""Bookmarks that are set, followed and taken away."""

from __future__ import annotations

from learnrelay import Family, Platform
from learnrelay_caliper.entities import Annotation
from learnrelay_caliper.parts import EventKind, EventParts

from ..addresses import block_iri
from .fields import BookmarkFields

family = Family("caliper.bookmarks")

BOOKMARKED: EventKind = {"type": "AnnotationEvent", "action": "Bookmarked", "profile": "AnnotationProfile"}
REMOVED: EventKind = {"type": "Event", "action": "Removed", "profile": "GeneralProfile"}
NAVIGATED: EventKind = {"type": "NavigationEvent", "action": "NavigatedTo", "profile": "ReadingProfile"}


@family.maps("edx.bookmark.added", "edx.course.bookmark.added", reads=BookmarkFields, **BOOKMARKED)
def bookmark_added(bookmark: BookmarkFields, platform: Platform) -> EventParts:
    """The learner bookmarks a block."""
    iri = block_iri(platform, bookmark.block_id)
    return {"object": {"id": iri, "type": "DigitalResource"}, "generated": Annotation(iri, "BookmarkAnnotation")}


@family.maps("edx.bookmark.removed", "edx.course.bookmark.removed", reads=BookmarkFields, **REMOVED)
def bookmark_removed(bookmark: BookmarkFields, platform: Platform) -> EventParts:
    """The learner takes a bookmark away."""
    return {"object": Annotation(block_iri(platform, bookmark.block_id), "BookmarkAnnotation")}


@family.maps("edx.bookmark.accessed", reads=BookmarkFields, **NAVIGATED)
def bookmark_followed(bookmark: BookmarkFields, platform: Platform) -> EventParts:
    """The learner follows a bookmark to its block."""
    return {"object": {"id": block_iri(platform, bookmark.block_id), "type": "DigitalResource"}}
