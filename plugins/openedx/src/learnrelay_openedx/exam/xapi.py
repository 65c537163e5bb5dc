"""Special exams (practice, proctored, timed): attempts that are made, begun, interrupted and handed in."""

from __future__ import annotations

from learnrelay import Family, Platform
from learnrelay_xapi import activities
from learnrelay_xapi import vocabulary as v
from learnrelay_xapi.parts import ActivityParts, StatementParts

from .. import xapi_vocabulary as openedx
from ..addresses import block_iri
from .fields import AttemptFields, PastAttemptFields, UntimedAttemptFields, attempt_iri, attempt_number

family = Family("xapi.exam")


def exam_attempt(attempt: AttemptFields | PastAttemptFields, platform: Platform) -> StatementParts:
    """Makes the exam, and the attempt as what the statement belongs to."""
    return {
        "object": {
            "id": block_iri(platform, attempt.content_id),
            "definition": {
                "name": activities.text(attempt.name, platform),
                "extensions": {v.TIME_LIMIT: attempt.time_limit},
            },
        },
        "context": {"contextActivities": {"grouping": grouping(attempt, platform)}},
    }


def grouping(attempt: UntimedAttemptFields, platform: Platform) -> list[ActivityParts] | None:
    """Makes the attempt as an activity, with its times; None where the event does not say which one it is."""
    iri = attempt_iri(attempt, platform)
    if iri is None:
        return None
    definition = {
        "type": v.ATTEMPT,
        "name": activities.text(attempt.name, platform),
        "extensions": {
            openedx.ATTEMPT_STARTED: attempt.started_at.isoformat() if attempt.started_at else None,
            openedx.ATTEMPT_COMPLETED: attempt.completed_at.isoformat() if attempt.completed_at else None,
            v.DURATION: attempt.elapsed,
            v.ATTEMPT_ID: attempt_number(attempt, platform),
        },
    }
    return [{"id": iri, "objectType": "Activity", "definition": definition}]


@family.maps(
    "edx.special_exam.practice.attempt.created",
    reads=AttemptFields, verb=v.INITIALIZED, activity=openedx.PRACTICE_EXAM,
)  # fmt: skip
@family.maps(
    "edx.special_exam.proctored.attempt.created",
    reads=AttemptFields, verb=v.INITIALIZED, activity=openedx.PROCTORED_EXAM,
)  # fmt: skip
@family.maps(
    "edx.special_exam.timed.attempt.created",
    reads=AttemptFields, verb=v.INITIALIZED, activity=openedx.TIMED_EXAM,
)  # fmt: skip
def begun(attempt: AttemptFields, platform: Platform) -> StatementParts:
    """The learner begins an attempt at an exam."""
    return exam_attempt(attempt, platform)


@family.maps(
    "edx.special_exam.practice.attempt.submitted",
    reads=AttemptFields, verb=v.TERMINATED, activity=openedx.PRACTICE_EXAM,
)  # fmt: skip
@family.maps(
    "edx.special_exam.proctored.attempt.submitted",
    reads=AttemptFields, verb=v.TERMINATED, activity=openedx.PROCTORED_EXAM,
)  # fmt: skip
@family.maps(
    "edx.special_exam.timed.attempt.submitted",
    reads=AttemptFields, verb=v.TERMINATED, activity=openedx.TIMED_EXAM,
)  # fmt: skip
def handed_in(attempt: AttemptFields, platform: Platform) -> StatementParts:
    """The learner hands an attempt at an exam in."""
    return exam_attempt(attempt, platform)


@family.maps(
    "edx.special_exam.practice.attempt.started",
    reads=AttemptFields, verb=v.STARTED, activity=openedx.PRACTICE_EXAM,
)  # fmt: skip
@family.maps(
    "edx.special_exam.proctored.attempt.started",
    reads=AttemptFields, verb=v.STARTED, activity=openedx.PROCTORED_EXAM,
)  # fmt: skip
@family.maps(
    "edx.special_exam.timed.attempt.started",
    reads=AttemptFields, verb=v.STARTED, activity=openedx.TIMED_EXAM,
)  # fmt: skip
def clock_started(attempt: AttemptFields, platform: Platform) -> StatementParts:
    """The clock of the learner's attempt begins to run."""
    return exam_attempt(attempt, platform)


@family.maps(
    "edx.special_exam.practice.attempt.ready_to_submit",
    reads=AttemptFields, verb=v.SUSPENDED, activity=openedx.PRACTICE_EXAM,
)  # fmt: skip
@family.maps(
    "edx.special_exam.proctored.attempt.ready_to_submit",
    reads=AttemptFields, verb=v.SUSPENDED, activity=openedx.PROCTORED_EXAM,
)  # fmt: skip
@family.maps(
    "edx.special_exam.timed.attempt.ready_to_submit",
    reads=AttemptFields, verb=v.SUSPENDED, activity=openedx.TIMED_EXAM,
)  # fmt: skip
def ready_to_hand_in(attempt: AttemptFields, platform: Platform) -> StatementParts:
    """The learner stops working on the exam, and may still go back."""
    return exam_attempt(attempt, platform)
