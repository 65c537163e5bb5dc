"""Details of special exams: software, options, attempts that are ready, declined, begun anew, deleted, out of time."""

from __future__ import annotations

from learnrelay import Family, Platform
from learnrelay_xapi import activities
from learnrelay_xapi import vocabulary as v
from learnrelay_xapi.parts import StatementParts

from .. import xapi_vocabulary as openedx
from ..addresses import block_iri
from ..exam.xapi import exam_attempt, grouping
from .fields import AttemptDetailFields, AttemptSoftwareFields, DiscardedAttemptFields, OfferedExamFields

family = Family("xapi.exam_details")


@family.maps(
    "edx.special_exam.proctored.option-presented",
    reads=OfferedExamFields, verb=v.VIEWED, activity=openedx.PROCTORED_EXAM,
)  # fmt: skip
def option_presented(exam: OfferedExamFields, platform: Platform) -> StatementParts:
    """The learner sees the offer to take the exam with proctoring."""
    return {
        "object": {
            "id": block_iri(platform, exam.content_id),
            "definition": {
                "name": activities.text(exam.name, platform),
                "extensions": {v.TIME_LIMIT: exam.time_limit},
            },
        },
    }


@family.maps(
    "edx.special_exam.proctored.attempt.declined",
    reads=AttemptDetailFields, verb=v.REJECTED, activity=openedx.PROCTORED_EXAM,
)  # fmt: skip
def proctoring_declined(attempt: AttemptDetailFields, platform: Platform) -> StatementParts:
    """The learner takes the exam without proctoring; the platform then declines attempts at other exams too."""
    return exam_attempt(attempt, platform)


@family.maps(
    "edx.special_exam.practice.attempt.download_software_clicked",
    "edx.special_exam.proctored.attempt.download_software_clicked",
    reads=AttemptSoftwareFields, verb=v.DOWNLOADED, activity=v.APPLICATION,
)  # fmt: skip
def software_downloaded(attempt: AttemptSoftwareFields, platform: Platform) -> StatementParts:
    """The learner downloads the software that supervises the exam."""
    return {
        "object": {"id": block_iri(platform, attempt.content_id, "software")},
        "context": {"contextActivities": {"grouping": grouping(attempt, platform)}},
    }


@family.maps(
    "edx.special_exam.practice.attempt.ready_to_start",
    reads=AttemptDetailFields, verb=v.READIED, activity=openedx.PRACTICE_EXAM,
)  # fmt: skip
@family.maps(
    "edx.special_exam.proctored.attempt.ready_to_start",
    reads=AttemptDetailFields, verb=v.READIED, activity=openedx.PROCTORED_EXAM,
)  # fmt: skip
def ready_to_begin(attempt: AttemptDetailFields, platform: Platform) -> StatementParts:
    """The learner is ready to begin the exam; the clock does not run yet."""
    return exam_attempt(attempt, platform)


@family.maps(
    "edx.special_exam.practice.attempt.timed_out",
    reads=AttemptDetailFields, verb=v.TERMINATED, activity=openedx.PRACTICE_EXAM,
)  # fmt: skip
@family.maps(
    "edx.special_exam.proctored.attempt.timed_out",
    reads=AttemptDetailFields, verb=v.TERMINATED, activity=openedx.PROCTORED_EXAM,
)  # fmt: skip
@family.maps(
    "edx.special_exam.timed.attempt.timed_out",
    reads=AttemptDetailFields, verb=v.TERMINATED, activity=openedx.TIMED_EXAM,
)  # fmt: skip
def time_is_up(attempt: AttemptDetailFields, platform: Platform) -> StatementParts:
    """The time of the attempt is up."""
    parts = exam_attempt(attempt, platform)
    return {**parts, "context": {**parts["context"], "extensions": {openedx.TIMED_OUT: True}}}


@family.maps(
    "edx.special_exam.practice.attempt.reset_practice_exam",
    reads=DiscardedAttemptFields, verb=v.RESET, activity=openedx.PRACTICE_EXAM, instructor=True,
)  # fmt: skip
def practice_begun_anew(attempt: DiscardedAttemptFields, platform: Platform) -> StatementParts:
    """The learner discards an attempt at a practice exam, to begin anew."""
    return exam_attempt(attempt, platform)


@family.maps(
    "edx.special_exam.practice.attempt.deleted",
    reads=DiscardedAttemptFields, verb=v.RESET, activity=openedx.PRACTICE_EXAM, instructor=True,
)  # fmt: skip
@family.maps(
    "edx.special_exam.proctored.attempt.deleted",
    reads=DiscardedAttemptFields, verb=v.RESET, activity=openedx.PROCTORED_EXAM, instructor=True,
)  # fmt: skip
@family.maps(
    "edx.special_exam.timed.attempt.deleted",
    reads=DiscardedAttemptFields, verb=v.RESET, activity=openedx.TIMED_EXAM, instructor=True,
)  # fmt: skip
def attempt_deleted(attempt: DiscardedAttemptFields, platform: Platform) -> StatementParts:
    """The learner can begin the exam anew: staff delete an attempt. *Deleted* would say so of the exam."""
    return exam_attempt(attempt, platform)
