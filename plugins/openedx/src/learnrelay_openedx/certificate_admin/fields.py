"""Certificates as staff handle them: withdrawn, allowed for a course or not."""

from __future__ import annotations

from learnrelay import Fields, required
from learnrelay.kinds import uuid

from ..courses import COURSE, course_key


class WithdrawnFields(Fields):
    """Declares a certificate for a course run that is withdrawn."""

    certificate_id = required(
        "data.certificate_id", kind=uuid, reason="published only as a keyed digest: its page shows the learner's name"
    )
    course_id = required(*COURSE, kind=course_key)


class CertifiedCourseFields(Fields):
    """Declares the course run whose learners may have certificates made, or no longer."""

    course_id = required(*COURSE, kind=course_key)
