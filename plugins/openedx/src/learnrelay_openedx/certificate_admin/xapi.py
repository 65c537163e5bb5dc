"""Certificates as staff allow them. That one is withdrawn stands in no statement: the learner does not do it."""

from __future__ import annotations

from learnrelay import Family, Platform
from learnrelay_xapi import activities
from learnrelay_xapi import vocabulary as v
from learnrelay_xapi.parts import StatementParts

from .fields import CertifiedCourseFields

family = Family("xapi.certificate_admin")


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
