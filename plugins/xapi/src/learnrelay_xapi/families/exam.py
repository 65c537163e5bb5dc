"""Special exams (practice, proctored, timed): attempts that are begun and handed in."""

from __future__ import annotations

from typing import Any

from learnrelay import Family, Said, Site
from learnrelay.openedx.exam import AttemptFields, attempt_iri, attempt_number

from .. import activities
from .. import vocabulary as v

family = Family("xapi.exam")


def exam_attempt(attempt: AttemptFields, site: Site) -> Said:
    """The exam, and the attempt as what the statement belongs to."""
    return {
        "object": {
            "id": activities.block(site, attempt.content_id),
            "definition": {
                "name": activities.text(attempt.name),
                "extensions": {v.TIME_LIMIT: attempt.time_limit},
            },
        },
        "context": {"contextActivities": {"grouping": grouping(attempt, site)}},
    }


def grouping(attempt: AttemptFields, site: Site) -> list[dict[str, Any]] | None:
    """The attempt as an activity, with its times; None where the event does not say which one it is."""
    iri = attempt_iri(attempt, site)
    if iri is None:
        return None
    definition = {
        "type": v.ATTEMPT,
        "name": activities.text(attempt.name),
        "extensions": {
            v.ATTEMPT_STARTED: attempt.started_at.isoformat() if attempt.started_at else None,
            v.ATTEMPT_COMPLETED: attempt.completed_at.isoformat() if attempt.completed_at else None,
            v.DURATION: attempt.elapsed,
            v.ATTEMPT_ID: attempt_number(attempt, site),
        },
    }
    return [{"id": iri, "objectType": "Activity", "definition": definition}]


@family.maps(
    "edx.special_exam.practice.attempt.created",
    reads=AttemptFields, verb=v.INITIALIZED, activity=v.PRACTICE_EXAM,
)  # fmt: skip
@family.maps(
    "edx.special_exam.proctored.attempt.created",
    reads=AttemptFields, verb=v.INITIALIZED, activity=v.PROCTORED_EXAM,
)  # fmt: skip
@family.maps(
    "edx.special_exam.timed.attempt.created",
    reads=AttemptFields, verb=v.INITIALIZED, activity=v.TIMED_EXAM,
)  # fmt: skip
def begun(attempt: AttemptFields, site: Site) -> Said:
    """The learner begins an attempt at an exam."""
    return exam_attempt(attempt, site)


@family.maps(
    "edx.special_exam.practice.attempt.submitted",
    reads=AttemptFields, verb=v.TERMINATED, activity=v.PRACTICE_EXAM,
)  # fmt: skip
@family.maps(
    "edx.special_exam.proctored.attempt.submitted",
    reads=AttemptFields, verb=v.TERMINATED, activity=v.PROCTORED_EXAM,
)  # fmt: skip
@family.maps(
    "edx.special_exam.timed.attempt.submitted",
    reads=AttemptFields, verb=v.TERMINATED, activity=v.TIMED_EXAM,
)  # fmt: skip
def handed_in(attempt: AttemptFields, site: Site) -> Said:
    """The learner hands an attempt at an exam in."""
    return exam_attempt(attempt, site)
