"""What is sent to an LRS, and what its answers mean."""

from __future__ import annotations

import json
from typing import Any

import pytest

from learnrelay import Answer, Verdict
from learnrelay_xapi import protocol


@pytest.mark.parametrize(("version", "header"), [("1.0.3", "1.0.3"), ("2.0", "2.0.0")])
def test_a_batch_is_one_array(version: str, header: str) -> None:
    request = protocol.encode([b'{"id":"a"}', b'{"id":"b"}'], version)
    assert json.loads(request.body) == [{"id": "a"}, {"id": "b"}]
    assert request.headers == {"Content-Type": "application/json", "X-Experience-API-Version": header}


@pytest.mark.parametrize(
    ("status", "verdict"),
    [
        (200, Verdict.STORED), (204, Verdict.STORED),
        (400, Verdict.REFUSED), (409, Verdict.REFUSED), (422, Verdict.REFUSED),
        (413, Verdict.TOO_LARGE),
        (302, Verdict.HALTED), (401, Verdict.HALTED), (403, Verdict.HALTED),
        (404, Verdict.HALTED), (501, Verdict.HALTED),
        (408, Verdict.RETRY), (429, Verdict.RETRY), (500, Verdict.RETRY), (503, Verdict.RETRY),
    ],
)  # fmt: skip
def test_what_a_status_means(status: int, verdict: Verdict) -> None:
    assert protocol.judge(Answer(status, {})).verdict is verdict


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ({"message": "statement 3: actor is missing"}, "HTTP 400: statement 3: actor is missing"),
        ({"error": "x" * 1000}, "HTTP 400: " + "x" * 300),
        ({"statement": {"actor": {"mbox": "mailto:mira@learn.example.org"}}}, "HTTP 400"),
        (["mira"], "HTTP 400"),
        ("mira", "HTTP 400"),
    ],
)
def test_a_refusal_is_told_in_the_words_of_the_lrs(body: Any, reason: str) -> None:
    assert protocol.judge(Answer(400, {}, json.dumps(body).encode())).reason == reason
    assert protocol.judge(Answer(400, {}, b"\xff<html>mira</html>")).reason == "HTTP 400"
