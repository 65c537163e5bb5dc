"""A statement that voids another."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

import pytest

from learnrelay_contract_tests.endpoints import check_statement
from learnrelay_xapi.standard import XapiSettings, XapiStandard

STATEMENT_ID = "6e2b1f4c-53a8-5a9e-8d5a-0f6a2b3c4d5e"
PLATFORM: Any = SimpleNamespace(home_url="https://learn.example.org")


@pytest.mark.parametrize("version", ["1.0.3", "2.0"])
def test_the_relay_itself_voids(version: str) -> None:
    standard = XapiStandard(XapiSettings().load({"version": version}))
    voiding = standard.void(STATEMENT_ID.upper(), PLATFORM)
    assert voiding.parsed == {
        "id": voiding.id,
        "actor": {"objectType": "Agent", "account": {"name": "learnrelay", "homePage": "https://learn.example.org"}},
        "verb": {"id": "http://adlnet.gov/expapi/verbs/voided", "display": {"en": "voided"}},
        "object": {"objectType": "StatementRef", "id": STATEMENT_ID},
        "version": {"1.0.3": "1.0.0", "2.0": "2.0.0"}[version],
    }
    assert not standard.schema().validate(voiding.parsed)
    assert version == "2.0" or not check_statement(voiding.parsed)
    assert list(standard.learners(voiding.parsed)) == []


def test_the_same_statement_is_voided_by_the_same() -> None:
    standard = XapiStandard(XapiSettings().load({}))
    voiding = standard.void(STATEMENT_ID, PLATFORM)
    assert standard.void(STATEMENT_ID.replace("-", ""), PLATFORM) == voiding
    assert standard.void(voiding.id, PLATFORM).id not in (voiding.id, STATEMENT_ID)


@pytest.mark.parametrize("text", ["", "mira", f"{STATEMENT_ID}0", json.dumps(STATEMENT_ID), "urn:uuid:" + STATEMENT_ID])
def test_what_is_no_uuid_cannot_be_voided(text: str) -> None:
    with pytest.raises(ValueError, match="is no UUID"):
        XapiStandard(XapiSettings().load({})).void(text, PLATFORM)
