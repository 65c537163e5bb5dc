"""Certificates that learners earn and share."""

from __future__ import annotations

from learnrelay import Fields, optional, required
from learnrelay.kinds import one_of, text, uuid

from ..courses import COURSE, course_key


class CertificateFields(Fields):
    """Declares a certificate for a course run, and the mode in which the learner was enrolled."""

    certificate_id = required(
        "data.certificate_id", kind=uuid, reason="published only as a keyed digest: its page shows the learner's name"
    )
    course_id = required(*COURSE, kind=course_key)
    mode = optional("data.enrollment_mode", kind=text)


class SharingFields(CertificateFields):
    """Declares a certificate that is shared; the script of its page knows these networks."""

    network = optional(
        "data.social_network", kind=one_of("Facebook", "LinkedIn", "Twitter"), example=("LinkedIn", "Facebook")
    )
