"""Databases: records that learners enter."""

from __future__ import annotations

from learnrelay import Fields, Platform, required

from ..addresses import page_address
from ..column_kinds import ABOUT, row_id


class RecordFields(Fields):
    """Declares a record of a database."""

    cmid = required("context.contextinstanceid", kind=row_id)
    database_id = required("data.dataid", kind=row_id)
    record_id = required("context.objectid", kind=row_id, reason=ABOUT)


def record_address(record: RecordFields, platform: Platform) -> str:
    """Returns the address of a record."""
    return page_address(platform, "mod/data/view.php", d=record.database_id, rid=platform.scoped_key(record.record_id))
