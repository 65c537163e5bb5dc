"""Notes that are written, changed, deleted, searched; the page that shows them."""

from __future__ import annotations

from learnrelay import Family, Platform
from learnrelay_xapi import vocabulary as v
from learnrelay_xapi.parts import ActivityParts, StatementParts

from .. import xapi_vocabulary as openedx
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

family = Family("xapi.notes", settings_schema=FreeTextSettings)


def note_in_block(note: NoteFields, platform: Platform) -> StatementParts:
    """The note as object, in its block."""
    iri = block_iri(platform, note.block_id)
    block: ActivityParts = {"id": iri, "objectType": "Activity", "definition": {"type": v.RESOURCE}}
    return {
        "object": {"id": note_iri(note, platform)},
        "context": {"contextActivities": {"parent": [block]}},
    }


def note_with_words(note: NoteFields, platform: Platform) -> StatementParts:
    """The note in its block, with its words where the operator lets them out."""
    return {**note_in_block(note, platform), "result": {"response": words_of(note)}}


@family.maps(
    "edx.course.student_notes.added",
    reads=NoteFields, reads_if={"texts": WrittenNoteFields}, verb=v.ANNOTATED, activity=v.NOTE,
)  # fmt: skip
def note_added(note: NoteFields, platform: Platform) -> StatementParts:
    """The learner writes a note."""
    return note_with_words(note, platform)


@family.maps(
    "edx.course.student_notes.edited",
    reads=NoteFields, reads_if={"texts": WrittenNoteFields}, verb=v.EDITED, activity=v.NOTE,
)  # fmt: skip
def note_edited(note: NoteFields, platform: Platform) -> StatementParts:
    """The learner changes a note."""
    return note_with_words(note, platform)


@family.maps("edx.course.student_notes.deleted", reads=NoteFields, verb=v.DELETED, activity=v.NOTE)
def note_deleted(note: NoteFields, platform: Platform) -> StatementParts:
    """The learner deletes a note."""
    return note_in_block(note, platform)


@family.maps("edx.course.student_notes.notes_page_viewed", reads=NotesPageFields, verb=v.VIEWED, activity=v.WEBPAGE)
def notes_page_viewed(page: NotesPageFields, platform: Platform) -> StatementParts:
    """The learner sees the page of notes, or another tab of it."""
    return {"object": {"id": notes_page(page, platform)}, "context": {"extensions": {v.TYPE: page.view}}}


@family.maps(
    "edx.course.student_notes.searched",
    reads=NotesSearchFields, reads_if={"texts": NotesSearchWordsFields}, verb=v.SEARCHED, activity=v.WEBPAGE,
)  # fmt: skip
def notes_searched(search: NotesSearchFields, platform: Platform) -> StatementParts:
    """The learner searches the notes: how much was found; what for only where the operator lets it out."""
    return {
        "object": {"id": notes_page(search, platform)},
        "result": {"response": words_of(search), "extensions": {openedx.RESULTS: search.results}},
    }


@family.maps("edx.course.student_notes.used_unit_link", reads=UnitLinkFields, verb=v.NAVIGATED, activity=v.RESOURCE)
def unit_opened(link: UnitLinkFields, platform: Platform) -> StatementParts:
    """The learner goes from the page of notes to the block of one."""
    return {"object": {"id": block_iri(platform, link.block_id)}}
