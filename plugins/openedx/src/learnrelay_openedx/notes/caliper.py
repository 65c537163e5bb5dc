"""Notes that are written, changed, deleted, searched; the page that shows them."""

from __future__ import annotations

from learnrelay import Family, Platform
from learnrelay_caliper.entities import Annotation, SearchResponse
from learnrelay_caliper.parts import EventKind, EventParts

from ..addresses import block_iri
from ..free_texts import FreeTextSettings, words_of
from .fields import (
    NoteFields,
    NotesPageFields,
    NotesSearchFields,
    NotesSearchWordsFields,
    UnitLinkFields,
    WrittenNoteFields,
    note_iri,
    notes_page,
)

family = Family("caliper.notes", settings_schema=FreeTextSettings)

HIGHLIGHTED: EventKind = {"type": "AnnotationEvent", "action": "Highlighted", "profile": "AnnotationProfile"}
GENERAL: EventKind = {"type": "Event", "profile": "GeneralProfile"}
VIEWED: EventKind = {"type": "ViewEvent", "action": "Viewed", "profile": "ReadingProfile"}
SEARCHED: EventKind = {"type": "SearchEvent", "action": "Searched", "profile": "SearchProfile"}
NAVIGATED: EventKind = {"type": "NavigationEvent", "action": "NavigatedTo", "profile": "ReadingProfile"}


def highlight(note: NoteFields, platform: Platform) -> Annotation:
    """Makes the note: an annotation of its block, with its words where the operator lets them out."""
    block, own_id = block_iri(platform, note.block_id), note_iri(note, platform)
    return Annotation(block, "HighlightAnnotation", own_id=own_id, extensions={"text": words_of(note)})


@family.maps(
    "edx.course.student_notes.added",
    reads=NoteFields, reads_if={"texts": WrittenNoteFields}, **HIGHLIGHTED,
)  # fmt: skip
def note_added(note: NoteFields, platform: Platform) -> EventParts:
    """The learner writes a note."""
    block = {"id": block_iri(platform, note.block_id), "type": "DigitalResource"}
    return {"object": block, "generated": highlight(note, platform)}


@family.maps(
    "edx.course.student_notes.edited",
    reads=NoteFields, reads_if={"texts": WrittenNoteFields}, action="Modified", **GENERAL,
)  # fmt: skip
def note_edited(note: NoteFields, platform: Platform) -> EventParts:
    """The learner changes a note."""
    return {"object": highlight(note, platform)}


@family.maps("edx.course.student_notes.deleted", reads=NoteFields, action="Deleted", **GENERAL)
def note_deleted(note: NoteFields, platform: Platform) -> EventParts:
    """The learner deletes a note."""
    return {"object": highlight(note, platform)}


@family.maps("edx.course.student_notes.notes_page_viewed", reads=NotesPageFields, **VIEWED)
def notes_page_viewed(page: NotesPageFields, platform: Platform) -> EventParts:
    """The learner sees the page of notes, or another tab of it."""
    return {"object": {"id": notes_page(page, platform), "type": "WebPage"}, "extensions": {"view": page.view}}


@family.maps(
    "edx.course.student_notes.searched",
    reads=NotesSearchFields, reads_if={"texts": NotesSearchWordsFields}, **SEARCHED,
)  # fmt: skip
def notes_searched(search: NotesSearchFields, platform: Platform) -> EventParts:
    """The learner searches the notes: how much was found; what for only where the operator lets it out."""
    searched = {"id": notes_page(search, platform), "type": "DigitalResourceCollection"}
    return {"object": searched, "generated": SearchResponse(searched["id"], search.results, words_of(search))}


@family.maps("edx.course.student_notes.used_unit_link", reads=UnitLinkFields, **NAVIGATED)
def unit_opened(link: UnitLinkFields, platform: Platform) -> EventParts:
    """The learner goes from the page of notes to the block of one."""
    return {"object": {"id": block_iri(platform, link.block_id), "type": "DigitalResource"}}
