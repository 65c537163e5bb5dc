"""Badges that older releases of the platform give. Neither their images nor their pages are read."""

from __future__ import annotations

from learnrelay import Fields, Platform, optional, required
from learnrelay.kinds import identifier, one_of

from ..courses import COURSE, course_key


class BadgeFields(Fields):
    """Declares a badge that a learner was given, by its number."""

    assertion_id = required(
        "data.assertion_id", kind=identifier, example=(318, 319),
        reason="published only as a keyed digest: its page shows who was given it",
    )  # fmt: skip


class EarnedBadgeFields(BadgeFields):
    """Declares the course whose badge it is; one that is for several courses names none."""

    course_id = optional(*COURSE, kind=course_key)


class SharedBadgeFields(BadgeFields):
    """Declares a badge that is shared."""

    network = optional(
        "data.social_network", kind=one_of("Facebook", "LinkedIn", "Twitter"), example=("Twitter", "Facebook")
    )


NO_COURSE = "the badge is for no course, and Caliper says a result of one alone"


def badge_iri(badge: BadgeFields, platform: Platform) -> str:
    """Returns the address of a badge that a learner was given."""
    return platform.iri("badges", platform.digest(badge.assertion_id))
