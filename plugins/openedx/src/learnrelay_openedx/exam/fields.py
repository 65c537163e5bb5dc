"""Special exams (practice, proctored, timed) and the learners' attempts at them."""

from __future__ import annotations

from learnrelay import Fields, Platform, optional, required
from learnrelay.kinds import count, moment, number, text, uuid


class ExamBlockFields(Fields):
    """Declares the exam's subsection."""

    content_id = required("data.exam_content_id", kind=text)


class ExamNameFields(ExamBlockFields):
    """Declares the exam with its title."""

    name = optional("data.exam_name", kind=text)


class ExamFields(ExamNameFields):
    """Declares the exam with its title, and its time limit in minutes."""

    time_limit = optional("data.exam_default_time_limit_mins", kind=number)


class UntimedAttemptFields(ExamNameFields):
    """Declares an attempt without its duration; times in the future are absent."""

    code = optional("data.attempt_code", kind=uuid)
    attempt_id = optional("data.attempt_id", kind=count)
    started_at = optional("data.attempt_started_at", kind=moment)
    completed_at = optional("data.attempt_completed_at", kind=moment)
    elapsed: float | None = None


class UnlimitedAttemptFields(UntimedAttemptFields):
    """Declares an attempt without the exam's limit; ``elapsed`` is in seconds, from its beginning to the event."""

    elapsed = optional("data.attempt_event_elapsed_time_secs", kind=number)


class AttemptFields(UnlimitedAttemptFields, ExamFields):
    """Declares an attempt."""


class PastAttemptFields(UntimedAttemptFields, ExamFields):
    """Declares an attempt that may have ended weeks before the event."""


def attempt_iri(attempt: UntimedAttemptFields, platform: Platform) -> str | None:
    """Returns the attempt by its code (RFC 4122 makes a UUID an IRI), else its address; None without both."""
    if attempt.code is not None:
        return f"urn:uuid:{platform.scoped_key(attempt.code)}"
    if attempt.attempt_id is not None:
        return platform.iri(
            "api/edx_proctoring/v1/proctored_exam/attempt", platform.scoped_key(str(attempt.attempt_id))
        )
    return None


def attempt_number(attempt: UntimedAttemptFields, platform: Platform) -> int | None:
    """Returns the platform's number of the attempt; None in an own space, which it would join to others."""
    return None if platform.own else attempt.attempt_id
