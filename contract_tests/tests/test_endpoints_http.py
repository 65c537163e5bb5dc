"""The two reference endpoints over HTTP: their responses to right and wrong requests, and what they store."""

import base64
import json
import threading
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest
import requests

from learnrelay_contract_tests.endpoints import CaliperEndpoint, ReferenceLrs

V1P1 = "http://purl.imsglobal.org/ctx/caliper/v1p1"
V1P2 = "http://purl.imsglobal.org/ctx/caliper/v1p2"
XAPI = {"X-Experience-API-Version": "1.0.3", "Content-Type": "application/json"}
JSON = {"Content-Type": "application/json"}
TIMEOUT = 60


def statement(**properties: Any) -> dict[str, Any]:
    return {
        "id": str(uuid4()),
        "timestamp": "2026-11-22T10:15:30Z",
        "actor": {"account": {"homePage": "https://lms.example.org", "name": "k7f3"}},
        "verb": {"id": "http://adlnet.gov/expapi/verbs/completed"},
        "object": {"id": "https://lms.example.org/course/1"},
        **properties,
    }


def event(**properties: Any) -> dict[str, Any]:
    return {
        "@context": V1P2,
        "id": f"urn:uuid:{uuid4()}",
        "type": "ViewEvent",
        "actor": {"id": "https://lms.example.org/user/k7f3", "type": "Person"},
        "action": "Viewed",
        "object": {"id": "https://lms.example.org/page/1", "type": "WebPage"},
        "eventTime": "2026-11-22T10:15:30.000Z",
        **properties,
    }


def envelope(*data: dict[str, Any], **properties: Any) -> dict[str, Any]:
    sent = {
        "sensor": "https://lms.example.org/sensor",
        "sendTime": "2026-11-22T10:15:31.000Z",
        "dataVersion": V1P2,
    }
    return {**sent, "data": list(data), **properties}


@pytest.fixture
def lrs() -> Iterator[ReferenceLrs]:
    with ReferenceLrs() as endpoint:
        yield endpoint


@pytest.fixture
def endpoint() -> Iterator[CaliperEndpoint]:
    with CaliperEndpoint() as endpoint:
        yield endpoint


def post(url: str, body: Any, headers: dict[str, str] = XAPI) -> requests.Response:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    return requests.post(url, data=data, headers=headers, timeout=TIMEOUT)


# --- xAPI -------------------------------------------------------------------------------------------


def test_a_batch_is_stored_and_answered_with_its_ids_in_order(lrs: ReferenceLrs) -> None:
    batch = [statement() for _ in range(5)]
    answer = post(lrs.url, batch)
    assert (answer.status_code, answer.json()) == (200, [sent["id"] for sent in batch])
    assert answer.headers["X-Experience-API-Version"] == "1.0.3"
    assert answer.headers["X-Experience-API-Consistent-Through"]
    assert list(lrs.statements.values()) == batch
    record = lrs.requests[-1]
    assert (record.method, record.path, record.status) == ("POST", "/xAPI/statements", 200)
    assert (record.items, record.stored, record.misbehaviour) == (5, 5, None)
    assert record.headers["x-experience-api-version"] == "1.0.3"


def test_a_statement_without_id_gets_one(lrs: ReferenceLrs) -> None:
    sent = statement()
    del sent["id"]
    (given,) = post(lrs.url, sent).json()
    assert lrs.statements == {given: {"id": given, **sent}}


def test_what_is_stored_can_be_read_back(lrs: ReferenceLrs) -> None:
    batch = [statement() for _ in range(5)]
    post(lrs.url, batch)
    response = requests.get(lrs.url, params={"statementId": batch[2]["id"]}, headers=XAPI, timeout=TIMEOUT)
    assert response.status_code == 200
    assert response.json().items() >= batch[2].items()
    assert {"stored", "authority", "version"} <= set(response.json())
    missing = requests.get(lrs.url, params={"statementId": str(uuid4())}, headers=XAPI, timeout=TIMEOUT)
    assert missing.status_code == 404

    ids, target = [], f"{lrs.url}?limit=2"
    while target:
        page = requests.get(target, headers=XAPI, timeout=TIMEOUT).json()
        ids += [stored["id"] for stored in page["statements"]]
        target = page["more"] and f"http://127.0.0.1:{lrs.port}{page['more']}"
    assert ids == [sent["id"] for sent in reversed(batch)]
    everything = requests.get(lrs.url, headers=XAPI, timeout=TIMEOUT).json()
    assert [stored["id"] for stored in everything["statements"]] == ids

    about = requests.get(f"http://127.0.0.1:{lrs.port}/xAPI/about", timeout=TIMEOUT)
    assert about.json() == {"version": ["1.0.3", "2.0.0"]}


def test_put_stores_one_statement_under_its_id(lrs: ReferenceLrs) -> None:
    sent = statement()
    without_id = {key: value for key, value in sent.items() if key != "id"}
    body: Any
    for body in (sent, without_id):
        answer = requests.put(lrs.url, params={"statementId": sent["id"]}, json=body, headers=XAPI, timeout=TIMEOUT)
        assert (answer.status_code, answer.content) == (204, b"")
    assert lrs.statements == {sent["id"]: sent}
    assert lrs.duplicates == 1
    for parameters, body, status in (
        ({"statementId": str(uuid4())}, sent, 400),
        ({}, sent, 400),
        ({"statementId": "first"}, without_id, 400),
        ({"statementId": sent["id"]}, [sent], 400),
        ({"statementId": sent["id"]}, {**sent, "result": {"success": True}}, 409),
    ):
        refused = requests.put(lrs.url, params=parameters, json=body, headers=XAPI, timeout=TIMEOUT)
        assert refused.status_code == status


def test_one_bad_statement_refuses_its_batch_and_is_named(lrs: ReferenceLrs) -> None:
    answer = post(lrs.url, [statement(), statement(object={"objectType": "GroupActivity", "id": "x:y"}), statement()])
    assert answer.status_code == 400
    assert answer.json()["problems"] == ["[1].object.objectType: is no type of object allowed here"]
    assert lrs.statements == {}
    assert lrs.rejected == 1
    assert "[1].object.objectType" in lrs.requests[-1].reason


@pytest.mark.parametrize(
    ("body", "named"),
    [
        (b"", "empty"),
        (b"[{]", "not JSON"),
        (b'{"id": NaN}', "not JSON"),
        (b"\xff\xfe", "not JSON"),
        (b'{"actor": {"name": "a", "name": "a"}}', "name: key given twice"),
        (b"null", "statement: must be an object"),
        (b"[7]", "[0]: must be an object"),
        (b"[" * 200 + b"]" * 200, "[0]: must be an object"),
        (b"[" * 900 + b"]" * 900, "nested too deeply"),
        (b'{"a":' * 5000 + b"1" + b"}" * 5000, "not JSON"),
    ],
)
def test_a_body_that_is_no_statement_is_refused(lrs: ReferenceLrs, body: bytes, named: str) -> None:
    answer = post(lrs.url, body)
    assert answer.status_code == 400
    assert named in answer.text


def test_attachments_need_a_url_where_no_data_is_sent(lrs: ReferenceLrs) -> None:
    attachment = {
        "usageType": "urn:x:y",
        "display": {},
        "contentType": "text/plain",
        "length": 1,
        "sha2": "0" * 64,
    }
    answer = post(lrs.url, statement(attachments=[attachment]))
    assert (answer.status_code, lrs.rejected) == (400, 1)
    assert "attachments[0].fileUrl" in answer.text


@pytest.mark.parametrize("version", [None, "", "1.1.0", "0.95", "3.0.0", "1.0.3, 2.0.0"])
def test_a_missing_or_strange_version_is_refused(lrs: ReferenceLrs, version: str | None) -> None:
    headers = JSON if version is None else {**JSON, "X-Experience-API-Version": version}
    assert post(lrs.url, statement(), headers).status_code == 400
    assert lrs.statements == {}


def test_the_rules_are_those_of_the_version_in_the_header(lrs: ReferenceLrs) -> None:
    agents = [{"objectType": "contextAgent", "agent": {"mbox": "mailto:mentor@example.org"}}]
    sent = statement(context={"contextAgents": agents})
    assert post(lrs.url, sent).status_code == 400
    answer = post(lrs.url, sent, {**XAPI, "X-Experience-API-Version": "2.0.0"})
    assert (answer.status_code, answer.headers["X-Experience-API-Version"]) == (200, "2.0.0")


def test_wrong_addresses_methods_and_types_are_refused(lrs: ReferenceLrs) -> None:
    assert post(lrs.url + "s", statement()).status_code == 404
    assert requests.delete(lrs.url, headers=XAPI, timeout=TIMEOUT).status_code == 405
    assert post(lrs.url, statement(), {**XAPI, "Content-Type": "text/plain"}).status_code == 415
    assert post(lrs.url + "?method=PUT", statement()).status_code == 400
    for query in ("verb=x:y", "limit=all"):
        assert requests.get(f"{lrs.url}?{query}", headers=XAPI, timeout=TIMEOUT).status_code == 400
    assert lrs.rejected == len(lrs.requests) == 6


def test_the_same_again_is_no_conflict_but_other_content_is(lrs: ReferenceLrs) -> None:
    first = statement(version="1.0.0")
    post(lrs.url, first)
    same = {**first, "timestamp": "2026-11-22T12:15:30.000+02:00", "stored": "2026-11-22T10:16:00Z"}
    del same["version"]
    fresh = statement()
    answer = post(lrs.url, [same, fresh])
    assert (answer.status_code, answer.json()) == (200, [first["id"], fresh["id"]])
    assert (lrs.duplicates, lrs.conflicts) == (1, 0)
    assert lrs.statements[first["id"]] == first

    other = {**first, "timestamp": "2026-11-22T10:15:31Z"}
    answer = post(lrs.url, [statement(), other])
    assert answer.status_code == 409
    assert answer.json()["problems"] == ["[1].id: is stored with other content"]
    assert (lrs.duplicates, lrs.conflicts, len(lrs.statements)) == (1, 1, 2)


def test_an_id_twice_in_one_batch_is_refused(lrs: ReferenceLrs) -> None:
    twice = statement()
    answer = post(lrs.url, [statement(), twice, {**twice, "id": twice["id"].upper()}])
    assert answer.status_code == 400
    assert answer.json()["problems"] == ["[1].id: twice in one batch"]
    assert lrs.statements == {}


def test_some_lrss_answer_a_known_batch_with_204() -> None:
    with ReferenceLrs(duplicate_status=204) as lrs:
        first = statement()
        assert post(lrs.url, [first]).status_code == 200
        again = post(lrs.url, [first])
        assert (again.status_code, again.content) == (204, b"")
        assert post(lrs.url, [first, statement()]).status_code == 200
        assert (len(lrs.statements), lrs.duplicates) == (2, 2)


# --- both -------------------------------------------------------------------------------------------

BASIC = base64.b64encode(b"relay:pa:ss").decode()


@pytest.mark.parametrize("kind", [ReferenceLrs, CaliperEndpoint])
@pytest.mark.parametrize(
    ("options", "right", "wrong"),
    [
        ({"username": "relay", "password": "pa:ss"}, f"Basic {BASIC}", f"Bearer {BASIC}"),
        ({"token": "t0ken"}, "bearer t0ken", "Bearer T0KEN"),
    ],
)
def test_credentials(
    kind: type[ReferenceLrs | CaliperEndpoint], options: dict[str, str], right: str, wrong: str
) -> None:
    body: Any = statement() if kind is ReferenceLrs else envelope(event())
    with kind(**options) as endpoint:  # type: ignore[arg-type]
        assert post(endpoint.url, body).status_code == 401
        assert post(endpoint.url, body, {**XAPI, "Authorization": wrong}).status_code == 401
        assert endpoint.statements == {}
        assert post(endpoint.url, body, {**XAPI, "Authorization": right}).status_code == 200
        assert len(endpoint.statements) == 1
        secrets = (BASIC, "t0ken", "T0KEN")
        assert not any(secret in str(endpoint.requests) for secret in secrets)


def test_credentials_must_be_complete() -> None:
    with pytest.raises(ValueError, match="username and password"):
        ReferenceLrs(username="relay")
    with pytest.raises(ValueError, match="username and password"):
        ReferenceLrs(username="relay", password="x", token="y")


@pytest.mark.parametrize("kind", [ReferenceLrs, CaliperEndpoint])
def test_a_body_that_is_too_large_is_refused_and_the_connection_lives(
    kind: type[ReferenceLrs | CaliperEndpoint],
) -> None:
    with kind(max_body=2000) as endpoint, requests.Session() as session:
        large = session.post(endpoint.url, data=b" " * 3_000_000, headers=XAPI, timeout=TIMEOUT)
        assert large.status_code == 413
        small: Any = statement() if kind is ReferenceLrs else envelope(event())
        assert session.post(endpoint.url, json=small, headers=XAPI, timeout=TIMEOUT).status_code == 200


def test_senders_at_once_lose_and_double_nothing(lrs: ReferenceLrs) -> None:
    batches = [[statement() for _ in range(10)] for _ in range(20)]

    def send() -> None:
        with requests.Session() as session:
            for batch in batches:
                assert session.post(lrs.url, json=batch, headers=XAPI, timeout=TIMEOUT).status_code == 200

    senders = [threading.Thread(target=send) for _ in range(4)]
    for sender in senders:
        sender.start()
    assert lrs.wait_for(200)
    for sender in senders:
        sender.join()
    assert sorted(lrs.statements) == sorted(sent["id"] for batch in batches for sent in batch)
    assert lrs.duplicates == 600
    assert sum(record.stored for record in lrs.requests) == 200


# --- Caliper ----------------------------------------------------------------------------------------


def test_an_envelope_is_stored(endpoint: CaliperEndpoint) -> None:
    events = [event(), event()]
    described = {
        "@context": V1P2,
        "id": "https://lms.example.org/course/1",
        "type": "CourseOffering",
        "name": "Old",
    }
    answer = post(endpoint.url, envelope(events[0], described, events[1], {**described, "name": "New"}), JSON)
    assert (answer.status_code, answer.content) == (200, b"")
    assert list(endpoint.statements.values()) == events
    assert endpoint.entities == {described["id"]: {**described, "name": "New"}}
    assert (endpoint.requests[-1].items, endpoint.requests[-1].stored) == (4, 2)


def test_an_envelope_of_1_1_is_judged_by_1_1(endpoint: CaliperEndpoint) -> None:
    assert post(endpoint.url, envelope(event(**{"@context": V1P1}), dataVersion=V1P1), JSON).status_code == 200
    refused = post(endpoint.url, envelope(event(), dataVersion=V1P1), JSON)
    assert refused.status_code == 400
    assert "data[0].@context" in refused.text


@pytest.mark.parametrize(
    ("body", "status", "named"),
    [
        (envelope(event(), event(action="Graded")), 400, "data[1].action: "),
        (envelope(event(), 7), 400, "data[1]: "),  # type: ignore[arg-type]
        (envelope(), 400, "data: "),
        ({**envelope(event()), "id": "x"}, 400, "id: "),
        (envelope(event(), sendTime="2026-11-22T10:15:31Z"), 400, "sendTime: "),
        (envelope(event(), dataVersion="http://purl.imsglobal.org/ctx/caliper/v1p9"), 422, "dataVersion"),
        (envelope(event(), dataVersion=12), 400, "dataVersion: "),
        ([envelope(event())], 400, "envelope: "),
        (b'{"data": [], "data": []}', 400, "data: key given twice"),
        (b"", 400, "empty"),
    ],
)
def test_a_faulty_envelope_is_refused_and_the_fault_named(
    endpoint: CaliperEndpoint, body: Any, status: int, named: str
) -> None:
    answer = post(endpoint.url, body, JSON)
    assert answer.status_code == status
    assert named in answer.text
    assert (endpoint.statements, endpoint.rejected) == ({}, 1)


def test_the_same_event_again_is_counted_and_the_first_is_kept(endpoint: CaliperEndpoint) -> None:
    first = event()
    other = {**first, "object": {"id": "https://lms.example.org/page/2", "type": "WebPage"}}
    for sent in (first, first, other):
        assert post(endpoint.url, envelope(sent), JSON).status_code == 200
    assert endpoint.statements == {first["id"]: first}
    assert (endpoint.duplicates, endpoint.conflicts) == (1, 1)


def test_capabilities_and_wrong_requests(endpoint: CaliperEndpoint) -> None:
    capabilities = requests.get(endpoint.url, timeout=TIMEOUT).json()
    assert capabilities == {"caliperSupportedVersions": [V1P1, V1P2], "caliperMaximumPayloadSize": 8192}
    assert post(endpoint.url, envelope(event()), {"Content-Type": "text/plain"}).status_code == 415
    assert requests.put(endpoint.url, json=envelope(event()), timeout=TIMEOUT).status_code == 405
    assert post(endpoint.url + "/events", envelope(event()), JSON).status_code == 404
