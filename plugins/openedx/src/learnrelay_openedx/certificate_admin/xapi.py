"""Certificates as staff handle them: withdrawn from a learner, allowed for a course or not."""

from __future__ import annotations

from learnrelay import Family, Platform
from learnrelay_xapi import activities
from learnrelay_xapi import vocabulary as v
from learnrelay_xapi.parts import StatementParts

from ..addresses import certificate_iri
from .fields import CertifiedCourseFields, WithdrawnFields

family = Family("xapi.certificate_admin")


@family.maps("edx.certificate.revoked", reads=WithdrawnFields, verb=v.LOST, activity=v.CERTIFICATE, instructor=True)
def certificate_withdrawn(certificate: WithdrawnFields, platform: Platform) -> StatementParts:
    """The learner loses a certificate, which the platform or staff withdraws."""
    return {"object": {"id": certificate_iri(platform, certificate.certificate_id)}}


@family.maps(
    "edx.certificate.generation.enabled",
    reads=CertifiedCourseFields, verb=v.ENABLED, activity=v.COURSE, in_course=False,
)  # fmt: skip
def certificates_enabled(course: CertifiedCourseFields, platform: Platform) -> StatementParts:
    """A member of staff lets learners have certificates made."""
    return {"object": activities.titled_course(platform, course.course_id)}


@family.maps(
    "edx.certificate.generation.disabled",
    reads=CertifiedCourseFields, verb=v.DISABLED, activity=v.COURSE, in_course=False,
)  # fmt: skip
def certificates_disabled(course: CertifiedCourseFields, platform: Platform) -> StatementParts:
    """A member of staff stops learners from having certificates made."""
    return {"object": activities.titled_course(platform, course.course_id)}
