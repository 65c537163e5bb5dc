"""Details of special exams: software, options, attempts that are ready, declined, begun anew, deleted, out of time."""

from __future__ import annotations

from typing import Any

from learnrelay import Family, Platform
from learnrelay.times import iso_duration
from learnrelay_caliper import entities
from learnrelay_caliper.parts import EventKind, EventParts

from ..addresses import block_iri
from ..exam.caliper import SUBMITTED, exam_event
from .fields import AttemptDetailFields, DiscardedAttemptFields, OfferedExamFields, SoftwareFields

family = Family("caliper.exam_details")

DOWNLOADED: EventKind = {
    "type": "ResourceManagementEvent", "action": "Downloaded", "profile": "ResourceManagementProfile"
}  # fmt: skip
DELETED: dict[str, Any] = {
    "type": ("AssessmentEvent", "Event"),
    "action": "Reset",
    "profile": ("AssessmentProfile", "GeneralProfile"),
    "staff": True,
}
READIED: EventKind = {"type": "Event", "action": "Modified", "profile": "GeneralProfile"}


@family.maps(
    "edx.special_exam.proctored.option-presented",
    reads=OfferedExamFields, type="ViewEvent", action="Viewed", profile="AssessmentProfile",
)  # fmt: skip
def option_presented(exam: OfferedExamFields, platform: Platform) -> EventParts:
    """The learner sees the offer to take the exam with proctoring."""
    limit = None if exam.time_limit is None else iso_duration(exam.time_limit * 60)
    return {
        "object": {
            "id": block_iri(platform, exam.content_id),
            "type": "Assessment",
            "name": exam.name,
            "extensions": {"kind": "proctored", "timeLimit": limit},
        },
    }


@family.maps(
    "edx.special_exam.proctored.attempt.declined",
    reads=AttemptDetailFields, type="Event", action="Declined", profile="GeneralProfile",
)  # fmt: skip
def proctoring_declined(exam: AttemptDetailFields, platform: Platform) -> EventParts:
    """The learner takes the exam without proctoring; the platform then declines attempts at other exams too."""
    return exam_event(exam, platform, "proctored")


@family.maps(
    "edx.special_exam.practice.attempt.download_software_clicked",
    "edx.special_exam.proctored.attempt.download_software_clicked",
    reads=SoftwareFields, **DOWNLOADED,
)  # fmt: skip
def software_downloaded(exam: SoftwareFields, platform: Platform) -> EventParts:
    """The learner downloads the software that supervises the exam."""
    return {"object": {"id": block_iri(platform, exam.content_id, "software"), "type": "DigitalResource"}}


@family.maps("edx.special_exam.practice.attempt.ready_to_start", reads=AttemptDetailFields, **READIED)
def practice_ready(exam: AttemptDetailFields, platform: Platform) -> EventParts:
    """The learner is ready to begin a practice exam."""
    return {**exam_event(exam, platform, "practice"), "extensions": {"ready": True}}


@family.maps("edx.special_exam.proctored.attempt.ready_to_start", reads=AttemptDetailFields, **READIED)
def proctored_ready(exam: AttemptDetailFields, platform: Platform) -> EventParts:
    """The learner is ready to begin a proctored exam."""
    return {**exam_event(exam, platform, "proctored"), "extensions": {"ready": True}}


def timed_out(exam: AttemptDetailFields, platform: Platform, kind: str) -> EventParts:
    """Makes an attempt that is handed in because its time is up."""
    return {**exam_event(exam, platform, kind), "extensions": {"timedOut": True}}


@family.maps("edx.special_exam.practice.attempt.timed_out", reads=AttemptDetailFields, **SUBMITTED)
def practice_timed_out(exam: AttemptDetailFields, platform: Platform) -> EventParts:
    """The time of a practice exam is up."""
    return timed_out(exam, platform, "practice")


@family.maps("edx.special_exam.proctored.attempt.timed_out", reads=AttemptDetailFields, **SUBMITTED)
def proctored_timed_out(exam: AttemptDetailFields, platform: Platform) -> EventParts:
    """The time of a proctored exam is up."""
    return timed_out(exam, platform, "proctored")


@family.maps("edx.special_exam.timed.attempt.timed_out", reads=AttemptDetailFields, **SUBMITTED)
def timed_timed_out(exam: AttemptDetailFields, platform: Platform) -> EventParts:
    """The time of a timed exam is up."""
    return timed_out(exam, platform, "timed")


@family.maps(
    "edx.special_exam.practice.attempt.reset_practice_exam",
    reads=DiscardedAttemptFields, type="AssessmentEvent", action="Reset", profile="AssessmentProfile", staff=True,
)  # fmt: skip
def practice_begun_anew(exam: DiscardedAttemptFields, platform: Platform) -> EventParts:
    """The learner discards an attempt at a practice exam, to begin anew."""
    return exam_event(exam, platform, "practice")


def attempt_deleted(exam: DiscardedAttemptFields, platform: Platform, kind: str) -> EventParts:
    """Makes an attempt that staff delete; where nobody is known, the platform: a plain event."""
    parts = exam_event(exam, platform, kind, describes_learner=True)
    return {"type": "Event", "profile": "GeneralProfile", "actor": entities.ed_app(platform), **parts}


@family.maps("edx.special_exam.practice.attempt.deleted", reads=DiscardedAttemptFields, **DELETED)
def practice_deleted(exam: DiscardedAttemptFields, platform: Platform) -> EventParts:
    """Staff delete a learner's attempt at a practice exam."""
    return attempt_deleted(exam, platform, "practice")


@family.maps("edx.special_exam.proctored.attempt.deleted", reads=DiscardedAttemptFields, **DELETED)
def proctored_deleted(exam: DiscardedAttemptFields, platform: Platform) -> EventParts:
    """Staff delete a learner's attempt at a proctored exam."""
    return attempt_deleted(exam, platform, "proctored")


@family.maps("edx.special_exam.timed.attempt.deleted", reads=DiscardedAttemptFields, **DELETED)
def timed_deleted(exam: DiscardedAttemptFields, platform: Platform) -> EventParts:
    """Staff delete a learner's attempt at a timed exam."""
    return attempt_deleted(exam, platform, "timed")
