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
        (400, Verdict.REFUSED), (409, Verdict.CONFLICT), (422, Verdict.REFUSED),
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
        ({"message": "statement 3: actor is missing"}, "statement 3: actor is missing"),
        ({"error": "x" * 1000}, "x" * 300),
        ({"statement": {"actor": {"mbox": "mailto:mira@learn.example.org"}}}, ""),
        (["mira"], ""),
        ("mira", ""),
    ],
)
def test_a_refusal_has_the_reason_that_the_lrs_gives(body: Any, reason: str) -> None:
    assert protocol.judge(Answer(400, {}, json.dumps(body).encode())).reason == reason
    assert protocol.judge(Answer(400, {}, b"\xff<html>mira</html>")).reason == ""


IDS = [f"00000000-0000-4000-8000-{number:012}" for number in range(3)]
SENT = protocol.encode([b'{"id":"%s","x":1}' % i.encode() for i in IDS], "1.0.3").body


@pytest.mark.parametrize(
    ("body", "verdict"),
    [
        (json.dumps(IDS), Verdict.STORED),
        (json.dumps(IDS[::-1]).upper(), Verdict.STORED),
        (json.dumps(IDS[1:2]), Verdict.STORED),
        ("[]", Verdict.STORED),
        ("", Verdict.STORED),
        ('{"stored": 3}', Verdict.STORED),
        (json.dumps([*IDS[:2], IDS[2].replace("2", "7")]), Verdict.HALTED),
        (json.dumps([3]), Verdict.HALTED),
        (json.dumps(IDS)[:-5], Verdict.HALTED),
        ("<html>Log in</html>", Verdict.HALTED),
    ],
)
def test_a_200_is_believed_when_it_is_about_what_was_sent(body: str, verdict: Verdict) -> None:
    assert protocol.judge(Answer(200, {}, body.encode(), SENT)).verdict is verdict


def test_a_200_is_about_the_ids_that_it_names() -> None:
    body = json.dumps(IDS[1:]).upper().encode()
    assert protocol.judge(Answer(200, {}, body, SENT)).stored == IDS[1:]
    assert protocol.judge(Answer(204, {}, b"", SENT)).stored is None


@pytest.mark.parametrize("body", [b"[1]", b'[null, "a"]', b'[["a"]]'])
def test_what_names_no_ids_is_no_answer_of_an_lrs(body: bytes) -> None:
    assert protocol.judge(Answer(200, {}, body)).verdict is Verdict.HALTED
