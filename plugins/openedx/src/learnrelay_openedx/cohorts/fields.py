"""Cohorts that learners join and leave. Their names are not read."""

from __future__ import annotations

from learnrelay import Fields, Platform, required
from learnrelay.kinds import identifier


class CohortFields(Fields):
    """Declares a cohort, by its number."""

    cohort_id = required(
        "data.cohort_id", kind=identifier, example=(12, 13), reason="says in which group of the course the learner is"
    )


def cohort_iri(cohort: CohortFields, platform: Platform) -> str:
    """The address of a cohort."""
    return platform.iri("cohorts", cohort.cohort_id)
