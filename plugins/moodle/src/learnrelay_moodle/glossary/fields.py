"""Glossaries: entries and comments on them. What an entry is about is text of a learner, and is not read."""

from __future__ import annotations

from learnrelay import Fields, Platform, required

from ..addresses import page_address
from ..column_kinds import ABOUT, row_id


class EntryFields(Fields):
    """Declares an entry."""

    cmid = required("context.contextinstanceid", kind=row_id)
    entry_id = required("context.objectid", kind=row_id, reason=ABOUT)


class EntryCommentFields(Fields):
    """Declares a comment on an entry."""

    cmid = required("context.contextinstanceid", kind=row_id)
    entry_id = required("data.itemid", kind=row_id)
    comment_id = required("context.objectid", kind=row_id, reason=ABOUT)


def entry_address(entry: EntryFields | EntryCommentFields, platform: Platform) -> str:
    """Returns the address of an entry."""
    return page_address(platform, "mod/glossary/showentry.php", eid=platform.scoped_key(entry.entry_id))
