"""Badges that learners earn."""

from __future__ import annotations

from learnrelay import Fields, Platform, required

from ..addresses import page_address
from ..column_kinds import ABOUT, row_id


class BadgeFields(Fields):
    """Declares a badge."""

    badge_id = required("context.objectid", kind=row_id, reason=ABOUT)


def badge_address(badge: BadgeFields, platform: Platform) -> str:
    """Returns the address of a badge; the same for all who have it."""
    return page_address(platform, "badges/overview.php", id=badge.badge_id)
