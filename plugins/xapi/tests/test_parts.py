"""Parts of a statement that are None are left out, as if they were not there."""

from __future__ import annotations

from typing import Any

import pytest

from learnrelay import Fields, Parts, Platform, Transformer
from learnrelay.config.secrets import Secret
from learnrelay.lookups.courses import NoCourses
from learnrelay.lookups.identity import KeyedIdentity
from learnrelay_openedx.source import OpenedxSource
from learnrelay_xapi import activities
from learnrelay_xapi import vocabulary as v
from learnrelay_xapi.standard import XapiSettings, XapiStandard

IDENTITY = KeyedIdentity({"secret": Secret("Kd7wq2Lmz9Xv4bTn"), "pseudonyms": "per-standard"})
PLATFORM = Platform("https://learn.example.org", OpenedxSource(), IDENTITY, NoCourses({}), "xapi")


def test_texts_carry_the_language_of_the_platform() -> None:
    spoken = Platform("https://learn.example.org", OpenedxSource(), IDENTITY, NoCourses({}), "xapi", language="pt-BR")
    assert activities.text("Velas", spoken) == {"pt-BR": "Velas"}
    assert activities.text("Velas", PLATFORM) == {"und": "Velas"}


def prepared(parts: Parts) -> Any:
    transformer = Transformer("xapi", ("e",), Fields, lambda fields, platform: parts, {"verb": v.INTERACTED})
    return XapiStandard(XapiSettings().load({})).preparer(transformer, PLATFORM)(parts)


@pytest.mark.parametrize("missing", [{"context": None}, {"result": None}, {"context": None, "result": None}])
def test_none_is_left_out(missing: Parts) -> None:
    about = {"id": "https://learn.example.org/poll/1"}
    assert prepared({"object": about, **missing}) == prepared({"object": about})
    assert prepared({"object": {**about, "definition": None}, **missing}) == prepared({"object": about})
