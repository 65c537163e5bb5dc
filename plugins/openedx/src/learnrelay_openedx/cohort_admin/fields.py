"""Cohorts that staff make. Their names are not read."""

from __future__ import annotations

from learnrelay import Fields, Platform, required
from learnrelay.kinds import identifier


class NewCohortFields(Fields):
    """Declares a new cohort, by its number."""

    cohort_id = required("data.cohort_id", kind=identifier, example=(12, 13), reason="names the group, no learner")


def new_cohort_iri(cohort: NewCohortFields, platform: Platform) -> str:
    """The address of a cohort, the same as for those who join it."""
    return platform.iri("cohorts", cohort.cohort_id)
