"""Special exams: attempts that are begun and handed in."""

from __future__ import annotations

from learnrelay import Family, Said, Site
from learnrelay.openedx.exam import AttemptFields, attempt_iri
from learnrelay.openedx.video import iso_duration

from .. import entities
from ..entities import Attempt, Entity

family = Family("caliper.exam")

CREATED = {"type": "AssignableEvent", "action": "Activated", "profile": "AssignableProfile"}
SUBMITTED = {"type": "AssessmentEvent", "action": "Submitted", "profile": "AssessmentProfile"}


def said(exam: AttemptFields, site: Site, kind: str) -> Said:
    """The exam, its kind and time limit, and the learner's attempt at it."""
    assessment: Entity = {
        "id": entities.block_id(site, exam.content_id),
        "type": "Assessment",
        "name": exam.name,
        "extensions": {
            "kind": kind,
            "timeLimit": None if exam.time_limit is None else iso_duration(exam.time_limit * 60),
        },
    }
    attempt = Attempt(
        assessment["id"],
        own_id=attempt_iri(exam, site),
        started=exam.started_at,
        ended=exam.completed_at,
        seconds=exam.elapsed,
    )
    return {"object": assessment, "generated": attempt}


@family.maps("edx.special_exam.practice.attempt.created", reads=AttemptFields, **CREATED)
def practice_created(exam: AttemptFields, site: Site) -> Said:
    """The learner gets an attempt at a practice exam; its clock does not run yet."""
    return said(exam, site, "practice")


@family.maps("edx.special_exam.proctored.attempt.created", reads=AttemptFields, **CREATED)
def proctored_created(exam: AttemptFields, site: Site) -> Said:
    """The learner gets an attempt at a proctored exam."""
    return said(exam, site, "proctored")


@family.maps("edx.special_exam.timed.attempt.created", reads=AttemptFields, **CREATED)
def timed_created(exam: AttemptFields, site: Site) -> Said:
    """The learner gets an attempt at a timed exam."""
    return said(exam, site, "timed")


@family.maps("edx.special_exam.practice.attempt.submitted", reads=AttemptFields, **SUBMITTED)
def practice_submitted(exam: AttemptFields, site: Site) -> Said:
    """The learner hands in a practice exam."""
    return said(exam, site, "practice")


@family.maps("edx.special_exam.proctored.attempt.submitted", reads=AttemptFields, **SUBMITTED)
def proctored_submitted(exam: AttemptFields, site: Site) -> Said:
    """The learner hands in a proctored exam."""
    return said(exam, site, "proctored")


@family.maps("edx.special_exam.timed.attempt.submitted", reads=AttemptFields, **SUBMITTED)
def timed_submitted(exam: AttemptFields, site: Site) -> Said:
    """The learner hands in a timed exam."""
    return said(exam, site, "timed")
