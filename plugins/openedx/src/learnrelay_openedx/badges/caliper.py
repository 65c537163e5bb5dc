"""Badges that learners earn and share."""

from __future__ import annotations

from learnrelay import Family, Platform, Skip
from learnrelay_caliper import entities
from learnrelay_caliper.entities import Attempt, Result
from learnrelay_caliper.parts import EventParts

from ..caliper_entities import course_content
from .fields import NO_COURSE, EarnedBadgeFields, SharedBadgeFields, badge_iri

family = Family("caliper.badges")


@family.maps(
    "edx.badge.assertion.created",
    reads=EarnedBadgeFields, type="Event", action="Created", profile="GeneralProfile",
)  # fmt: skip
def badge_earned(badge: EarnedBadgeFields, platform: Platform) -> EventParts | Skip:
    """The platform gives a badge; the result says to whom."""
    if badge.course_id is None:
        return Skip(NO_COURSE)
    iri = badge_iri(badge, platform)
    attempt = Attempt(course_content(platform, badge.course_id), describes_learner=True)
    return {
        "actor": entities.ed_app(platform),
        "object": {"id": iri, "type": "Document"},
        "generated": Result(attempt, None, None, platform.home_url, {"badge": iri}),
    }


@family.maps(
    "edx.badge.assertion.shared",
    reads=SharedBadgeFields, type="AnnotationEvent", action="Shared", profile="AnnotationProfile",
)  # fmt: skip
def badge_shared(badge: SharedBadgeFields, platform: Platform) -> EventParts:
    """The learner shares a badge in a social network."""
    iri = badge_iri(badge, platform)
    annotation = {
        "id": f"{iri}#shared",
        "type": "SharedAnnotation",
        "annotated": iri,
        "extensions": {"network": badge.network},
    }
    return {"object": {"id": iri, "type": "Document"}, "generated": annotation}
