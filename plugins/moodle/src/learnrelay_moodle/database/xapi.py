"""Databases: learners enter records, and change them."""

from __future__ import annotations

from learnrelay import Family, Platform
from learnrelay_xapi import vocabulary as v
from learnrelay_xapi.parts import StatementParts

from .. import xapi_vocabulary as moodle
from ..xapi_activities import inside_activity
from .fields import RecordFields, record_address

family = Family("xapi.moodle_database")


@family.maps(r"\mod_data\event\record_created", reads=RecordFields, verb=moodle.CREATED, activity=moodle.DOCUMENT)
def record_created(record: RecordFields, platform: Platform) -> StatementParts:
    """The learner enters a record."""
    return {
        "object": {"id": record_address(record, platform)},
        "context": inside_activity(platform, "data", record.cmid),
    }


@family.maps(r"\mod_data\event\record_updated", reads=RecordFields, verb=v.EDITED, activity=moodle.DOCUMENT)
def record_updated(record: RecordFields, platform: Platform) -> StatementParts:
    """The one who acts changes a record."""
    return record_created(record, platform)
