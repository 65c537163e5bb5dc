"""Cohorts that staff make."""

from __future__ import annotations

from learnrelay import Family, Platform
from learnrelay_xapi import vocabulary as v
from learnrelay_xapi.parts import StatementParts

from .fields import NewCohortFields, new_cohort_iri

family = Family("xapi.cohort_admin")


@family.maps("edx.cohort.created", reads=NewCohortFields, verb=v.CREATED, activity=v.GROUP)
def cohort_created(cohort: NewCohortFields, platform: Platform) -> StatementParts:
    """A member of staff makes a cohort."""
    return {"object": {"id": new_cohort_iri(cohort, platform)}}
