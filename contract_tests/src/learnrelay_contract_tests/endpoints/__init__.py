"""Provides the reference endpoints: a strict LRS and a strict Caliper endpoint over HTTP, for tests and demos.

They implement the specifications and share no code with the plugins that send to them.
"""

from learnrelay_contract_tests.endpoints.caliper import CaliperEndpoint
from learnrelay_contract_tests.endpoints.caliper_rules import check_entity, check_envelope, check_event
from learnrelay_contract_tests.endpoints.misbehaviour import Misbehaviour
from learnrelay_contract_tests.endpoints.server import ReferenceEndpoint, RequestRecord
from learnrelay_contract_tests.endpoints.xapi import ReferenceLrs
from learnrelay_contract_tests.endpoints.xapi_rules import check_statement

__all__ = [
    "CaliperEndpoint",
    "Misbehaviour",
    "ReferenceEndpoint",
    "ReferenceLrs",
    "RequestRecord",
    "check_entity",
    "check_envelope",
    "check_event",
    "check_statement",
]
