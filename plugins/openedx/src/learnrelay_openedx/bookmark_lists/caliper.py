"""Lists of bookmarks that are seen."""

from __future__ import annotations

from learnrelay import Family, Platform
from learnrelay_caliper.parts import EventParts

from .fields import BookmarkListFields, list_iri

family = Family("caliper.bookmark_lists")


@family.maps(
    "edx.bookmark.listed",
    reads=BookmarkListFields, type="ViewEvent", action="Viewed", profile="ReadingProfile",
)  # fmt: skip
def bookmarks_listed(bookmarks: BookmarkListFields, platform: Platform) -> EventParts:
    """The learner sees a list of bookmarks."""
    return {
        "object": {"id": list_iri(bookmarks, platform), "type": "DigitalResourceCollection"},
        "extensions": {"bookmarks": bookmarks.bookmarks, "page": bookmarks.page},
    }
