"""Special exams: attempts that are made, begun, interrupted and handed in."""

from __future__ import annotations

from learnrelay import Family, Platform
from learnrelay.times import iso_duration
from learnrelay_caliper.entities import Attempt, Entity
from learnrelay_caliper.parts import EventKind, EventParts

from ..addresses import block_iri
from .fields import AttemptFields, PastAttemptFields, attempt_iri

family = Family("caliper.exam")

CREATED: EventKind = {"type": "AssignableEvent", "action": "Activated", "profile": "AssignableProfile"}
STARTED: EventKind = {"type": "AssessmentEvent", "action": "Started", "profile": "AssessmentProfile"}
PAUSED: EventKind = {"type": "AssessmentEvent", "action": "Paused", "profile": "AssessmentProfile"}
SUBMITTED: EventKind = {"type": "AssessmentEvent", "action": "Submitted", "profile": "AssessmentProfile"}


def exam_event(
    exam: AttemptFields | PastAttemptFields, platform: Platform, kind: str, *, describes_learner: bool = False
) -> EventParts:
    """Makes the exam, with kind and time limit, and the learner's attempt at it."""
    assessment: Entity = {
        "id": block_iri(platform, exam.content_id),
        "type": "Assessment",
        "name": exam.name,
        "extensions": {
            "kind": kind,
            "timeLimit": None if exam.time_limit is None else iso_duration(exam.time_limit * 60),
        },
    }
    attempt = Attempt(
        assessment["id"],
        own_id=attempt_iri(exam, platform),
        describes_learner=describes_learner,
        started=exam.started_at,
        ended=exam.completed_at,
        seconds=exam.elapsed,
    )
    return {"object": assessment, "generated": attempt}


@family.maps("edx.special_exam.practice.attempt.created", reads=AttemptFields, **CREATED)
def practice_created(exam: AttemptFields, platform: Platform) -> EventParts:
    """The learner gets an attempt at a practice exam; its clock does not run yet."""
    return exam_event(exam, platform, "practice")


@family.maps("edx.special_exam.proctored.attempt.created", reads=AttemptFields, **CREATED)
def proctored_created(exam: AttemptFields, platform: Platform) -> EventParts:
    """The learner gets an attempt at a proctored exam."""
    return exam_event(exam, platform, "proctored")


@family.maps("edx.special_exam.timed.attempt.created", reads=AttemptFields, **CREATED)
def timed_created(exam: AttemptFields, platform: Platform) -> EventParts:
    """The learner gets an attempt at a timed exam."""
    return exam_event(exam, platform, "timed")


@family.maps("edx.special_exam.practice.attempt.submitted", reads=AttemptFields, **SUBMITTED)
def practice_submitted(exam: AttemptFields, platform: Platform) -> EventParts:
    """The learner hands in a practice exam."""
    return exam_event(exam, platform, "practice")


@family.maps("edx.special_exam.proctored.attempt.submitted", reads=AttemptFields, **SUBMITTED)
def proctored_submitted(exam: AttemptFields, platform: Platform) -> EventParts:
    """The learner hands in a proctored exam."""
    return exam_event(exam, platform, "proctored")


@family.maps("edx.special_exam.timed.attempt.submitted", reads=AttemptFields, **SUBMITTED)
def timed_submitted(exam: AttemptFields, platform: Platform) -> EventParts:
    """The learner hands in a timed exam."""
    return exam_event(exam, platform, "timed")


@family.maps("edx.special_exam.practice.attempt.started", reads=AttemptFields, **STARTED)
def practice_started(exam: AttemptFields, platform: Platform) -> EventParts:
    """The clock of an attempt at a practice exam begins to run."""
    return exam_event(exam, platform, "practice")


@family.maps("edx.special_exam.proctored.attempt.started", reads=AttemptFields, **STARTED)
def proctored_started(exam: AttemptFields, platform: Platform) -> EventParts:
    """The clock of an attempt at a proctored exam begins to run."""
    return exam_event(exam, platform, "proctored")


@family.maps("edx.special_exam.timed.attempt.started", reads=AttemptFields, **STARTED)
def timed_started(exam: AttemptFields, platform: Platform) -> EventParts:
    """The clock of an attempt at a timed exam begins to run."""
    return exam_event(exam, platform, "timed")


@family.maps("edx.special_exam.practice.attempt.ready_to_submit", reads=AttemptFields, **PAUSED)
def practice_ready_to_submit(exam: AttemptFields, platform: Platform) -> EventParts:
    """The learner stops working on a practice exam, and may still go back."""
    return exam_event(exam, platform, "practice")


@family.maps("edx.special_exam.proctored.attempt.ready_to_submit", reads=AttemptFields, **PAUSED)
def proctored_ready_to_submit(exam: AttemptFields, platform: Platform) -> EventParts:
    """The learner stops working on a proctored exam, and may still go back."""
    return exam_event(exam, platform, "proctored")


@family.maps("edx.special_exam.timed.attempt.ready_to_submit", reads=AttemptFields, **PAUSED)
def timed_ready_to_submit(exam: AttemptFields, platform: Platform) -> EventParts:
    """The learner stops working on a timed exam, and may still go back."""
    return exam_event(exam, platform, "timed")
