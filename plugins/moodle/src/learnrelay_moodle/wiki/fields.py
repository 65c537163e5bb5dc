"""Wikis: pages and comments on them. Titles and texts of pages are not read."""

from __future__ import annotations

from learnrelay import Fields, Platform, required

from ..addresses import page_address
from ..column_kinds import ABOUT, row_id


class WikiPageFields(Fields):
    """Declares a page."""

    cmid = required("context.contextinstanceid", kind=row_id)
    page_id = required("context.objectid", kind=row_id, reason=ABOUT)


class WikiCommentFields(Fields):
    """Declares a comment on a page."""

    cmid = required("context.contextinstanceid", kind=row_id)
    page_id = required("data.itemid", kind=row_id)
    comment_id = required("context.objectid", kind=row_id, reason=ABOUT)


def page_of_wiki(page: WikiPageFields | WikiCommentFields, platform: Platform) -> str:
    """Returns the address of a page."""
    return page_address(platform, "mod/wiki/view.php", pageid=platform.scoped_key(page.page_id))
