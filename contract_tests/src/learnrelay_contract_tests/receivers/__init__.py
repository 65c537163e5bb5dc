"""Reference receivers: strict HTTP endpoints for xAPI and Caliper that tests and demos deliver to.

They judge by the standards alone and share no code with the plugins that they judge.
"""

from learnrelay_contract_tests.receivers.caliper import CaliperReceiver
from learnrelay_contract_tests.receivers.caliper_rules import check_entity, check_envelope, check_event
from learnrelay_contract_tests.receivers.misbehaviour import Misbehaviour
from learnrelay_contract_tests.receivers.server import Receiver, RequestRecord
from learnrelay_contract_tests.receivers.xapi import XapiReceiver
from learnrelay_contract_tests.receivers.xapi_rules import check_statement

__all__ = [
    "CaliperReceiver",
    "Misbehaviour",
    "Receiver",
    "RequestRecord",
    "XapiReceiver",
    "check_entity",
    "check_envelope",
    "check_event",
    "check_statement",
]
