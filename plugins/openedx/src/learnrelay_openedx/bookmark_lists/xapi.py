"""Lists of bookmarks that are seen."""

from __future__ import annotations

from learnrelay import Family, Platform
from learnrelay_xapi import vocabulary as v
from learnrelay_xapi.parts import StatementParts

from .. import xapi_vocabulary as openedx
from .fields import BookmarkListFields, list_iri

family = Family("xapi.bookmark_lists")


@family.maps("edx.bookmark.listed", reads=BookmarkListFields, verb=v.VIEWED, activity=v.COLLECTION)
def bookmarks_listed(bookmarks: BookmarkListFields, platform: Platform) -> StatementParts:
    """The learner sees a list of bookmarks."""
    return {
        "object": {"id": list_iri(bookmarks, platform)},
        "context": {"extensions": {v.TOTAL_ITEMS: bookmarks.bookmarks, openedx.LIST_PAGE: bookmarks.page}},
    }
