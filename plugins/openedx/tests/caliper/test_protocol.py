"""Speaking to a Caliper endpoint, with a real one: what is sent, and what its answers mean."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
import requests
from hypothesis import given
from hypothesis import strategies as st

from learnrelay import Answer, Judgement, Request, Verdict
from learnrelay.pipeline.run import Pipeline
from learnrelay_caliper.schema import envelope_schema
from learnrelay_caliper.standard import CaliperSettings, CaliperStandard
from learnrelay_contract_tests.endpoints import CaliperEndpoint, Misbehaviour
from openedx_events import event_from_mapping

NOW = datetime(2026, 3, 2, 11, 0, 0, 999_999, tzinfo=UTC)
TOKEN = {"Authorization": "Bearer a token of the tests"}


def standard(**settings: Any) -> CaliperStandard:
    return CaliperStandard(CaliperSettings().load({"sensor": "https://learn.example.org/sensor", **settings}))


@pytest.fixture
def endpoint() -> Iterator[CaliperEndpoint]:
    with CaliperEndpoint(token="a token of the tests", max_body=100_000) as receiver:
        yield receiver


def answered(endpoint: CaliperEndpoint, request: Request, headers: dict[str, str] = TOKEN) -> Answer:
    """POSTs the request as the core does."""
    reply = requests.post(endpoint.url, request.body, headers={**request.headers, **headers}, timeout=60)
    return Answer(reply.status_code, reply.headers, reply.content)


def events(pipeline: Pipeline, count: int) -> list[bytes]:
    contents = []
    for second in range(count):
        vote = {
            "name": "edx.forum.thread.voted",
            "timestamp": f"2026-03-02T10:00:{second:02}+00:00",
            "context": {"user_id": 7, "course_id": "course-v1:Harbour+SAIL101+2026", "session": "5e55104b1e"},
            "data": {"id": "66f0a1", "vote_value": "up", "undo_vote": False},
        }
        (outcome,) = pipeline.process(event_from_mapping(vote))
        contents += [statement.content for statement in outcome.statements]
    return contents


@pytest.mark.parametrize("version", ["1.2", "1.1"])
def test_an_envelope_is_taken(endpoint: CaliperEndpoint, relay_with: Callable[..., Pipeline], version: str) -> None:
    batch = events(relay_with(version=version), 3)
    request = standard(version=version).encode(batch, NOW)
    envelope = json.loads(request.body)
    assert list(envelope) == ["sensor", "sendTime", "dataVersion", "data"]
    assert envelope["sensor"] == "https://learn.example.org/sensor"
    assert envelope["sendTime"] == "2026-03-02T11:00:00.999Z"
    assert request.headers == {"Content-Type": "application/json"}
    assert envelope_schema(version).validate(envelope) == {}

    assert standard().judge(answered(endpoint, request)) == Judgement(Verdict.STORED)
    assert list(endpoint.statements.values()) == [json.loads(event) for event in batch]
    assert standard().judge(answered(endpoint, request)).verdict is Verdict.STORED
    assert (len(endpoint.statements), endpoint.duplicates, endpoint.conflicts) == (3, 3, 0)


def test_what_the_endpoint_refuses(endpoint: CaliperEndpoint, pipeline: Pipeline) -> None:
    batch = events(pipeline, 2)
    request = standard().encode(batch, NOW)
    broken = standard().encode([batch[0], batch[1].replace(b'"Ranked"', b'"Raked"')], NOW)
    unknown = Request(request.body.replace(b"caliper/v1p2", b"caliper/v9"), request.headers)
    large = standard().encode(batch * 100, NOW)
    cases = [
        (request, {}, 401, Verdict.HALTED),
        (request, {"Authorization": "Bearer of another"}, 401, Verdict.HALTED),
        (request, {**TOKEN, "Content-Type": "text/plain"}, 415, Verdict.HALTED),
        (broken, TOKEN, 400, Verdict.REFUSED),
        (unknown, TOKEN, 422, Verdict.HALTED),
        (large, TOKEN, 413, Verdict.TOO_LARGE),
    ]
    for sent, headers, status, verdict in cases:
        answer = answered(endpoint, sent, headers)
        judgement = standard().judge(answer)
        assert (answer.status, judgement.verdict) == (status, verdict)
        assert judgement.reason
    assert endpoint.statements == {}


@pytest.mark.parametrize(
    ("status", "verdict"),
    [
        (200, Verdict.STORED), (201, Verdict.STORED), (202, Verdict.STORED), (204, Verdict.STORED),
        (301, Verdict.HALTED), (400, Verdict.REFUSED), (401, Verdict.HALTED), (403, Verdict.HALTED),
        (404, Verdict.HALTED), (405, Verdict.HALTED), (408, Verdict.RETRY), (413, Verdict.TOO_LARGE),
        (415, Verdict.HALTED), (422, Verdict.HALTED), (429, Verdict.RETRY), (500, Verdict.RETRY),
        (501, Verdict.HALTED), (502, Verdict.RETRY), (503, Verdict.RETRY),
    ],
)  # fmt: skip
def test_what_an_answer_means(endpoint: CaliperEndpoint, pipeline: Pipeline, status: int, verdict: Verdict) -> None:
    """Also for answers of which the standard says nothing."""
    endpoint.misbehave(Misbehaviour(status=status))
    judgement = standard().judge(answered(endpoint, standard().encode(events(pipeline, 1), NOW)))
    assert judgement == Judgement(verdict)


def test_the_probe_shows_whether_the_endpoint_is_there(endpoint: CaliperEndpoint) -> None:
    headers = {**standard().probe(), **TOKEN}
    assert requests.get(endpoint.url, headers=headers, timeout=60).status_code == 200


@pytest.mark.parametrize(
    ("body", "expected_reason"),
    [
        (b'{"type": "about:blank", "title": "Bad envelope", "detail": "no data"}', "no data"),
        (b'{"title": "Bad envelope"}', "Bad envelope"),
        (b'{"message": {"data": ["mira"]}, "error": "bad"}', "bad"),
        (b'{"detail": ["mira"]}', ""),
        (b'["mira"]', ""),
        (b"<html>mira</html>", ""),
        (b'{"detail": "' + b"x" * 999 + b'"}', "x" * 300),
    ],
)
def test_only_words_of_the_endpoint_are_kept(body: bytes, expected_reason: str) -> None:
    assert standard().judge(Answer(400, {}, body)).reason == expected_reason


def test_a_page_for_people_stores_nothing() -> None:
    assert standard().judge(Answer(200, {}, b"\n<html>Log in</html>")).verdict is Verdict.HALTED
    assert standard().judge(Answer(200, {}, b"thanks")).verdict is Verdict.STORED


@given(st.integers(100, 599), st.binary(max_size=200))
def test_judging_never_raises(status: int, body: bytes) -> None:
    assert isinstance(standard().judge(Answer(status, {}, body)), Judgement)
