"""Badges that learners earn and share."""

from __future__ import annotations

from learnrelay import Family, Platform
from learnrelay_xapi import vocabulary as v
from learnrelay_xapi.parts import StatementParts

from .. import xapi_vocabulary as openedx
from .fields import BadgeFields, SharedBadgeFields, badge_iri

family = Family("xapi.badges")


@family.maps("edx.badge.assertion.created", reads=BadgeFields, verb=v.EARNED, activity=v.BADGE)
def badge_earned(badge: BadgeFields, platform: Platform) -> StatementParts:
    """The learner is given a badge."""
    return {"object": {"id": badge_iri(badge, platform)}}


@family.maps("edx.badge.assertion.shared", reads=SharedBadgeFields, verb=v.SHARED, activity=v.BADGE)
def badge_shared(badge: SharedBadgeFields, platform: Platform) -> StatementParts:
    """The learner shares a badge in a social network."""
    return {
        "object": {"id": badge_iri(badge, platform)},
        "context": {"extensions": {openedx.SOCIAL_NETWORK: badge.network}},
    }
