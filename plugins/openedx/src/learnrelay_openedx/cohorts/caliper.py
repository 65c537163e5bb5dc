"""Cohorts that learners join and leave."""

from __future__ import annotations

from learnrelay import Family, Platform
from learnrelay_caliper.entities import Membership
from learnrelay_caliper.parts import EventKind, EventParts

from .fields import CohortFields, cohort_iri

family = Family("caliper.cohorts")

GENERAL: EventKind = {"type": "Event", "profile": "GeneralProfile"}


@family.maps("edx.cohort.user_added", reads=CohortFields, action="Added", **GENERAL)
def cohort_joined(cohort: CohortFields, platform: Platform) -> EventParts:
    """The learner comes into a cohort."""
    return {"object": Membership(cohort_iri(cohort, platform), "Active", {})}


@family.maps("edx.cohort.user_removed", reads=CohortFields, action="Removed", **GENERAL)
def cohort_left(cohort: CohortFields, platform: Platform) -> EventParts:
    """The learner is no longer in a cohort."""
    return {"object": Membership(cohort_iri(cohort, platform), "Inactive", {})}
