"""Glossaries: learners write, read and comment on entries."""

from __future__ import annotations

from learnrelay import Family, Platform
from learnrelay_caliper.entities import Entity
from learnrelay_caliper.parts import EventParts

from ..caliper_entities import COMMENTED, CREATED, MODIFIED, READ, activity, comment
from .fields import EntryCommentFields, EntryFields, entry_address

family = Family("caliper.moodle_glossary")


def entry_of(fields: EntryFields | EntryCommentFields, platform: Platform) -> Entity:
    """Makes the entry, as a part of its glossary."""
    glossary = activity(platform, "glossary", fields.cmid)
    return {"id": entry_address(fields, platform), "type": "DigitalResource", "isPartOf": glossary}


@family.maps(r"\mod_glossary\event\entry_created", reads=EntryFields, **CREATED)
def entry_created(entry: EntryFields, platform: Platform) -> EventParts:
    """The learner writes an entry."""
    return {"object": entry_of(entry, platform)}


@family.maps(r"\mod_glossary\event\entry_updated", reads=EntryFields, **MODIFIED)
def entry_updated(entry: EntryFields, platform: Platform) -> EventParts:
    """The learner changes an entry."""
    return {"object": entry_of(entry, platform)}


@family.maps(r"\mod_glossary\event\entry_viewed", reads=EntryFields, **READ)
def entry_viewed(entry: EntryFields, platform: Platform) -> EventParts:
    """The learner reads an entry by itself."""
    return {"object": entry_of(entry, platform)}


@family.maps(r"\mod_glossary\event\comment_created", reads=EntryCommentFields, **COMMENTED)
def entry_commented(fields: EntryCommentFields, platform: Platform) -> EventParts:
    """The learner comments on an entry."""
    entry = entry_of(fields, platform)
    return {"object": entry, "generated": comment(platform, entry, fields.comment_id)}
