"""Cohorts that learners join and leave."""

from __future__ import annotations

from learnrelay import Family, Platform
from learnrelay_xapi import vocabulary as v
from learnrelay_xapi.parts import StatementParts

from .fields import CohortFields, cohort_iri

family = Family("xapi.cohorts")


@family.maps("edx.cohort.user_added", reads=CohortFields, verb=v.JOINED, activity=v.GROUP)
def cohort_joined(cohort: CohortFields, platform: Platform) -> StatementParts:
    """The learner comes into a cohort."""
    return {"object": {"id": cohort_iri(cohort, platform)}}


@family.maps("edx.cohort.user_removed", reads=CohortFields, verb=v.LEFT, activity=v.GROUP)
def cohort_left(cohort: CohortFields, platform: Platform) -> StatementParts:
    """The learner is no longer in a cohort."""
    return {"object": {"id": cohort_iri(cohort, platform)}}
