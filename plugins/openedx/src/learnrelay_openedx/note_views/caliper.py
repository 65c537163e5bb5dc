"""Notes that are seen beside the text of a course."""

from __future__ import annotations

from learnrelay import Family, Platform, Skip
from learnrelay_caliper.parts import EventParts

from ..addresses import NO_PAGE, page_address
from .fields import NotesSeenFields

family = Family("caliper.note_views")


@family.maps(
    "edx.course.student_notes.viewed",
    reads=NotesSeenFields, type="ViewEvent", action="Viewed", profile="ReadingProfile",
)  # fmt: skip
def notes_seen(notes: NotesSeenFields, platform: Platform) -> EventParts | Skip:
    """The learner sees the own notes beside the text."""
    page = page_address(platform, notes.page)
    return Skip(NO_PAGE) if page is None else {"object": {"id": f"{page}#notes", "type": "DigitalResourceCollection"}}
