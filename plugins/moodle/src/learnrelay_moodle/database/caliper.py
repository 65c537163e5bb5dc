"""Databases: learners enter records, and change them."""

from __future__ import annotations

from learnrelay import Family, Platform
from learnrelay_caliper.entities import Entity
from learnrelay_caliper.parts import EventParts

from ..caliper_entities import CREATED, MODIFIED, activity
from .fields import RecordFields, record_address

family = Family("caliper.moodle_database")


def document(record: RecordFields, platform: Platform) -> Entity:
    """Makes the record, as a part of its database."""
    database = activity(platform, "data", record.cmid)
    return {"id": record_address(record, platform), "type": "Document", "isPartOf": database}


@family.maps(r"\mod_data\event\record_created", reads=RecordFields, **CREATED)
def record_created(record: RecordFields, platform: Platform) -> EventParts:
    """The learner enters a record."""
    return {"object": document(record, platform)}


@family.maps(r"\mod_data\event\record_updated", reads=RecordFields, **MODIFIED)
def record_updated(record: RecordFields, platform: Platform) -> EventParts:
    """The one who acts changes a record."""
    return {"object": document(record, platform)}
