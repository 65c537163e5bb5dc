"""Certificates that are withdrawn. Caliper has no action for a setting of a course."""

from __future__ import annotations

from learnrelay import Family, Platform
from learnrelay_caliper import entities
from learnrelay_caliper.entities import Attempt, Result
from learnrelay_caliper.parts import EventParts

from ..addresses import certificate_iri
from ..caliper_entities import course_content
from .fields import WithdrawnFields

family = Family("caliper.certificate_admin")


@family.maps(
    "edx.certificate.revoked",
    reads=WithdrawnFields, type="Event", action="Removed", profile="GeneralProfile",
)  # fmt: skip
def certificate_withdrawn(certificate: WithdrawnFields, platform: Platform) -> EventParts:
    """The platform withdraws a certificate; the result says whose."""
    iri = certificate_iri(platform, certificate.certificate_id)
    attempt = Attempt(course_content(platform, certificate.course_id), describes_learner=True)
    return {
        "actor": entities.ed_app(platform),
        "object": {"id": iri, "type": "Document"},
        "generated": Result(attempt, None, None, platform.home_url, {"withdrawn": iri}),
    }
