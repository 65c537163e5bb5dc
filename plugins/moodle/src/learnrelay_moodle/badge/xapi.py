"""Badges: a learner earns one."""

from __future__ import annotations

from learnrelay import Family, Platform
from learnrelay_xapi import vocabulary as v
from learnrelay_xapi.parts import StatementParts

from .. import xapi_vocabulary as moodle
from .fields import BadgeFields, badge_address

family = Family("xapi.moodle_badge", critical=True)


@family.maps(r"\core\event\badge_awarded", reads=BadgeFields, verb=v.EARNED, activity=moodle.BADGE)
def badge_earned(badge: BadgeFields, platform: Platform) -> StatementParts:
    """The learner earns a badge."""
    return {"object": {"id": badge_address(badge, platform)}}
