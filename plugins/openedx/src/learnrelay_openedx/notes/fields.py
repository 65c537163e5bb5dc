"""Notes that learners write beside the text of a course. Tags and what was marked are not read."""

from __future__ import annotations

from learnrelay import Fields, Platform, optional, required
from learnrelay.kinds import count, identifier, text

from ..addresses import block_iri
from ..courses import COURSE, COURSE_OF_PAGE, WHERE, course_key
from ..free_texts import FREE_TEXT

_NOTE = "says which note is meant; in a destination's own pseudonym space only as a digest"


class NoteFields(Fields):
    """Declares a note, and the block that it belongs to."""

    block_id = required("data.component_usage_id", kind=text)
    note_id = required("data.note_id", kind=identifier, reason=_NOTE)


class WrittenNoteFields(NoteFields):
    """Declares a note with its words."""

    words = optional("data.note_text", kind=text, reason=FREE_TEXT)


class UnitLinkFields(Fields):
    """Declares the block to which the page of notes leads."""

    block_id = required("data.component_usage_id", kind=text)


class NotesPageFields(Fields):
    """Declares the page of a learner's notes in a course; ``view`` is the tab in use."""

    course_id = required(*COURSE, *COURSE_OF_PAGE, kind=course_key, reason=WHERE)
    view = optional("data.view", kind=text)


class NotesSearchFields(Fields):
    """Declares a search in the notes, without its words."""

    course_id = required(*COURSE, *COURSE_OF_PAGE, kind=course_key, reason=WHERE)
    results = optional("data.number_of_results", kind=count)


class NotesSearchWordsFields(NotesSearchFields):
    """Declares a search in the notes with its words."""

    words = optional("data.search_string", kind=text, reason=FREE_TEXT)


def note_iri(note: NoteFields, platform: Platform) -> str:
    """The address of a note."""
    return block_iri(platform, note.block_id, "note", platform.scoped_key(note.note_id))


def notes_page(page: NotesPageFields | NotesSearchFields, platform: Platform) -> str:
    """The address of the page of notes."""
    return platform.iri("courses", page.course_id, "edxnotes")
