"""Cohorts that staff make."""

from __future__ import annotations

from learnrelay import Family, Platform
from learnrelay_caliper.parts import EventParts

from .fields import NewCohortFields, new_cohort_iri

family = Family("caliper.cohort_admin")


@family.maps("edx.cohort.created", reads=NewCohortFields, type="Event", action="Created", profile="GeneralProfile")
def cohort_created(cohort: NewCohortFields, platform: Platform) -> EventParts:
    """A member of staff makes a cohort."""
    return {"object": {"id": new_cohort_iri(cohort, platform), "type": "Group"}}
