"""Certificates that learners earn and share."""

from __future__ import annotations

from learnrelay import Family, Platform
from learnrelay_xapi import vocabulary as v
from learnrelay_xapi.parts import ObjectParts, StatementParts

from .. import xapi_vocabulary as openedx
from ..addresses import certificate_iri
from .fields import CertificateFields, SharingFields

family = Family("xapi.certificates")


def certificate_object(certificate: CertificateFields, platform: Platform) -> ObjectParts:
    """The certificate, with the mode of the enrolment."""
    return {
        "id": certificate_iri(platform, certificate.certificate_id),
        "definition": {"extensions": {v.TYPE: certificate.mode}},
    }


@family.maps("edx.certificate.created", reads=CertificateFields, verb=v.EARNED, activity=v.CERTIFICATE)
def certificate_earned(certificate: CertificateFields, platform: Platform) -> StatementParts:
    """The learner gets a certificate; the platform makes it anew now and then."""
    return {"object": certificate_object(certificate, platform)}


@family.maps("edx.certificate.shared", reads=SharingFields, verb=v.SHARED, activity=v.CERTIFICATE)
def certificate_shared(certificate: SharingFields, platform: Platform) -> StatementParts:
    """The learner shares a certificate in a social network."""
    return {
        "object": certificate_object(certificate, platform),
        "context": {"extensions": {openedx.SOCIAL_NETWORK: certificate.network}},
    }
