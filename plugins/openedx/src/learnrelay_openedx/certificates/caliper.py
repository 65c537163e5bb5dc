"""Certificates that learners earn and share."""

from __future__ import annotations

from learnrelay import Family, Platform
from learnrelay_caliper import entities
from learnrelay_caliper.entities import Attempt, Entity, Result
from learnrelay_caliper.parts import EventKind, EventParts

from ..addresses import certificate_iri
from ..caliper_entities import course_content
from .fields import CertificateFields, SharingFields

family = Family("caliper.certificates")

CREATED: EventKind = {"type": "Event", "action": "Created", "profile": "GeneralProfile"}
SHARED: EventKind = {"type": "AnnotationEvent", "action": "Shared", "profile": "AnnotationProfile"}


def document(certificate: CertificateFields, platform: Platform) -> Entity:
    """Makes the certificate."""
    return {
        "id": certificate_iri(platform, certificate.certificate_id),
        "type": "Document",
        "extensions": {"mode": certificate.mode},
    }


@family.maps("edx.certificate.created", reads=CertificateFields, **CREATED)
def certificate_earned(certificate: CertificateFields, platform: Platform) -> EventParts:
    """The platform makes a certificate; the result says whose."""
    made = document(certificate, platform)
    attempt = Attempt(course_content(platform, certificate.course_id), describes_learner=True)
    return {
        "actor": entities.ed_app(platform),
        "object": made,
        "generated": Result(attempt, None, None, platform.home_url, {"certificate": made["id"]}),
    }


@family.maps("edx.certificate.shared", reads=SharingFields, **SHARED)
def certificate_shared(certificate: SharingFields, platform: Platform) -> EventParts:
    """The learner shares a certificate in a social network."""
    shared = document(certificate, platform)
    annotation = {
        "id": f"{shared['id']}#shared",
        "type": "SharedAnnotation",
        "annotated": shared["id"],
        "extensions": {"network": certificate.network},
    }
    return {"object": shared, "generated": annotation}
