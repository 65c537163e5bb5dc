"""Glossaries: learners write, read and comment on entries."""

from __future__ import annotations

from learnrelay import Family, Platform
from learnrelay_xapi import vocabulary as v
from learnrelay_xapi.parts import StatementParts

from .. import xapi_vocabulary as moodle
from ..xapi_activities import inside_activity
from .fields import EntryCommentFields, EntryFields, entry_address

family = Family("xapi.moodle_glossary")


@family.maps(r"\mod_glossary\event\entry_created", reads=EntryFields, verb=moodle.CREATED, activity=moodle.WORD)
def entry_created(entry: EntryFields, platform: Platform) -> StatementParts:
    """The learner writes an entry."""
    return {
        "object": {"id": entry_address(entry, platform)},
        "context": inside_activity(platform, "glossary", entry.cmid),
    }


@family.maps(r"\mod_glossary\event\entry_updated", reads=EntryFields, verb=v.EDITED, activity=moodle.WORD)
def entry_updated(entry: EntryFields, platform: Platform) -> StatementParts:
    """The learner changes an entry."""
    return entry_created(entry, platform)


@family.maps(r"\mod_glossary\event\entry_viewed", reads=EntryFields, verb=v.VIEWED, activity=moodle.WORD)
def entry_viewed(entry: EntryFields, platform: Platform) -> StatementParts:
    """The learner reads an entry by itself."""
    return entry_created(entry, platform)


@family.maps(
    r"\mod_glossary\event\comment_created", reads=EntryCommentFields, verb=moodle.COMMENTED, activity=moodle.WORD
)
def entry_commented(comment: EntryCommentFields, platform: Platform) -> StatementParts:
    """The learner comments on an entry."""
    return {
        "object": {"id": entry_address(comment, platform)},
        "context": inside_activity(platform, "glossary", comment.cmid),
    }
