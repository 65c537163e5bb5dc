"""Special exams (practice, proctored, timed) and the learners' attempts at them."""

from __future__ import annotations

from ..fields import Fields, optional, required
from ..kinds import count, moment, number, text, uuid
from ..site import Site


class ExamFields(Fields):
    """The subsection that is the exam, its title, and its time limit in minutes."""

    content_id = required("data.exam_content_id", kind=text)
    name = optional("data.exam_name", kind=text)
    time_limit = optional("data.exam_default_time_limit_mins", kind=number)


class AttemptFields(ExamFields):
    """An attempt; ``elapsed`` is seconds, the times are absent until they have come."""

    code = optional("data.attempt_code", kind=uuid)
    attempt_id = optional("data.attempt_id", kind=count)
    started_at = optional("data.attempt_started_at", kind=moment)
    completed_at = optional("data.attempt_completed_at", kind=moment)
    elapsed = optional("data.attempt_event_elapsed_time_secs", kind=number)


def attempt_iri(attempt: AttemptFields, site: Site) -> str | None:
    """The attempt by its code (RFC 4122 makes a UUID an IRI), else its address; None for one that has neither."""
    if attempt.code is not None:
        return f"urn:uuid:{site.unjoined(attempt.code)}"
    if attempt.attempt_id is not None:
        return site.iri("api/edx_proctoring/v1/proctored_exam/attempt", site.unjoined(str(attempt.attempt_id)))
    return None


def attempt_number(attempt: AttemptFields, site: Site) -> int | None:
    """The platform's number of the attempt; None in a space of a destination's own, which it would join to others."""
    return None if site.own else attempt.attempt_id
