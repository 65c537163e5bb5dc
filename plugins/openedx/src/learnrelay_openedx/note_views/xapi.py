"""Notes that are seen beside the text of a course."""

from __future__ import annotations

from learnrelay import Family, Platform, Skip
from learnrelay_xapi import vocabulary as v
from learnrelay_xapi.parts import StatementParts

from ..addresses import NO_PAGE, page_address
from .fields import NotesSeenFields

family = Family("xapi.note_views")


@family.maps("edx.course.student_notes.viewed", reads=NotesSeenFields, verb=v.VIEWED, activity=v.NOTE)
def notes_seen(notes: NotesSeenFields, platform: Platform) -> StatementParts | Skip:
    """The learner sees the own notes beside the text."""
    page = page_address(platform, notes.page)
    return Skip(NO_PAGE) if page is None else {"object": {"id": f"{page}#notes"}}
