"""Badges: a learner earns one."""

from __future__ import annotations

from learnrelay import Family, Platform
from learnrelay_caliper.parts import EventParts

from ..caliper_entities import GENERAL
from .fields import BadgeFields, badge_address

family = Family("caliper.moodle_badge", critical=True)


@family.maps(r"\core\event\badge_awarded", reads=BadgeFields, action="Completed", **GENERAL)
def badge_earned(badge: BadgeFields, platform: Platform) -> EventParts:
    """The learner earns a badge: has done what it asks for."""
    return {"object": {"id": badge_address(badge, platform), "type": "Document"}}
