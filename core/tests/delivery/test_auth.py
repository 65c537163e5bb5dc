"""Credentials of requests: what each scheme gives, when it gives others, and what a scheme cannot make the relay do."""

from __future__ import annotations

import logging
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

import pytest
from marshmallow import ValidationError

from destinations import http_destination
from learnrelay.assembly.core_plugins import CORE_AUTH_SCHEMES
from learnrelay.auth import AUTH_SCHEMES, Auth, AuthError, AuthField, AuthScheme, NoAuth, OutgoingRequest
from learnrelay.config.fields import Section
from learnrelay.config.models import Retry
from learnrelay.core_auth import oauth2
from learnrelay.core_sinks.http import HttpSink
from learnrelay.core_sinks.http_client import ANSWER_LIMIT, Client
from learnrelay.http_section import HeadersField
from learnrelay.sinks import Batch, SinkAnswer
from learnrelay.standards import Request, SerializedStatement, Verdict

from .conftest import Drain, statements
from .consumer import Consumer, PlainStandard
from .test_http import dripping, said, serving
from .token_server import CLIENT, SECRET, TokenServer, reply_with, serving_tokens

ONE = SerializedStatement("s1", b'{"id": "s1", "who": "w"}')


@pytest.fixture
def tokens() -> Iterator[TokenServer]:
    with serving_tokens() as server:
        yield server


@pytest.fixture
def consumer(tokens: TokenServer) -> Iterator[Consumer]:
    """A consumer that takes tokens of the token server."""
    consumer = Consumer()
    consumer.behave = lambda ids: None if tokens.accepts(consumer.headers[-1].get("Authorization")) else 401
    yield consumer
    consumer.stop()


def load_auth(table: Mapping[str, Any]) -> Auth:
    token = AUTH_SCHEMES.set(CORE_AUTH_SCHEMES)
    try:
        return AuthField().deserialize(table)
    finally:
        AUTH_SCHEMES.reset(token)


def make_sink(url: str, auth: Auth, timeout: float = 5.0, **settings: Any) -> HttpSink:
    destination = http_destination("one", "plain", url, auth=auth, timeout=timeout, **settings)
    sink = HttpSink(destination.settings, PlainStandard(), destination)
    sink.open()
    return sink


def send(sink: HttpSink) -> SinkAnswer:
    return sink.send(Batch([ONE], "", datetime.now(UTC)))


# --- schemes whose credentials are constant ---------------------------------------------------------------


@pytest.mark.parametrize(
    ("table", "headers"),
    [
        ({"scheme": "none"}, {}),
        ({"scheme": "basic", "username": "relay", "password": "gü:n"}, {"Authorization": "Basic cmVsYXk6Z8O8Om4="}),
        ({"scheme": "bearer", "token": "abc"}, {"Authorization": "Bearer abc"}),
        ({"scheme": "header", "name": "X-API-Key", "value": "k 1"}, {"X-API-Key": "k 1"}),
        ({"scheme": "header", "name": "Authorization", "value": "ApiKey k1"}, {"Authorization": "ApiKey k1"}),
    ],
)
def test_a_scheme_gives_its_headers(table: Mapping[str, Any], headers: Mapping[str, str]) -> None:
    with serving() as server:
        client = Client(server.url, 5.0, load_auth(table).make_scheme(), {"X-Tenant": "harbour"})
        assert client.post(Request(b"[]", {"Content-Type": "application/json"})).status == 200
        assert client.get({}).status == 200
        for request in server.requests:
            given = {name: request[name] for name in ("Authorization", "X-API-Key") if name in request}
            assert (given, request["X-Tenant"]) == (headers, "harbour")
        client.close()


@pytest.mark.parametrize(
    ("table", "key", "reason"),
    [
        ({}, "scheme", "is missing; known: none, basic, bearer, header, oauth2"),
        ({"scheme": 3}, "scheme", "expected text in quotes, found a number"),
        ({"scheme": "baerer"}, "scheme", 'no such auth scheme is installed; known: none, basic, '),
        ({"scheme": "bearer"}, "token", "is missing"),
        ({"scheme": "bearer", "tokn": "a", "token": "b"}, "tokn", 'unknown key of scheme "bearer"; did you mean'),
        ({"scheme": "none", "token": "b"}, "token", 'unknown key of scheme "none"'),
        ({"scheme": "bearer", "token": "hüsh"}, "token", "the secret in clear text cannot stand in a header"),
        ({"scheme": "basic", "username": "a:b", "password": "p"}, "username", "must not hold a colon"),
        ({"scheme": "header", "name": "X Key", "value": "v"}, "name", "this header has a name that no header can have"),
        ({"scheme": "header", "name": "Content-length", "value": "v"}, "name", "this header is set already"),
        ({"scheme": "oauth2"}, "token_url", "is missing"),
        (
            {"scheme": "oauth2", "token_url": "http://id.example.org/t", "client_id": "a", "client_secret": "hüsh"},
            "token_url",
            "expected an https address: the secret of the client goes there",
        ),
    ],
)  # fmt: skip
def test_a_mistake_is_named_by_its_key(table: Mapping[str, Any], key: str, reason: str) -> None:
    with pytest.raises(ValidationError) as caught:
        load_auth(table)
    assert caught.value.messages[key][0].startswith(reason)  # type: ignore[call-overload]
    assert "hüsh" not in str(caught.value)


def test_a_missing_library_is_named(monkeypatch: pytest.MonkeyPatch, tokens: TokenServer) -> None:
    monkeypatch.setattr(oauth2, "find_spec", lambda name: None)
    with pytest.raises(ValidationError, match=r'pip install "learnrelay\[oauth2\]"'):
        load_auth(tokens.settings())


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("Authorization", "x", "credentials belong under auth"),
        ("Host", "x", "is set already"),
        ("content-Type", "x", "is set already"),
        ("X Tenant", "x", "has a name that no header can have"),
        ("X-Tenant", 3, "expected text in quotes, found a number"),
        ("X-Tenant", "a\nb", "has a value that no header can have"),
        ("X-Tenant", "", "has a value that no header can have"),
        ("X-Tenant", "env:NOT_SET_ANYWHERE", "environment variable NOT_SET_ANYWHERE is not set"),
    ],
)
def test_a_header_that_cannot_be_is_named(name: str, value: Any, reason: str) -> None:
    with pytest.raises(ValidationError) as caught:
        HeadersField().deserialize({name: value, "X-Sound": "x"})
    assert list(caught.value.messages) == [name]
    assert caught.value.messages[name][0].startswith(reason)  # type: ignore[call-overload]


# --- what a scheme cannot do ------------------------------------------------------------------------------


class OddScheme(AuthScheme):
    """Does what a test wants."""

    name = "odd"
    settings_schema = Section

    def headers(self, request: OutgoingRequest) -> Mapping[str, str]:
        return self.settings["headers"](request)  # type: ignore[no-any-return]

    def renew(self) -> bool:
        return self.settings["renew"]()  # type: ignore[no-any-return]


def raise_error(error: Exception) -> Any:
    raise error


@pytest.mark.parametrize(
    ("headers", "verdict", "reason"),
    [
        (lambda _: raise_error(KeyError("hush")), Verdict.RETRY, "the auth scheme odd failed (KeyError)"),
        (lambda _: None, Verdict.RETRY, "the auth scheme odd failed (TypeError)"),
        (lambda _: raise_error(AuthError("not now", retry_after=7.0)), Verdict.RETRY, "not now"),
        (lambda _: raise_error(AuthError("never", is_refusal=True)), Verdict.HALTED, "never"),
        (lambda _: {"X-Key": "hush\r\nX-More: x"}, Verdict.HALTED, "has a value that no header can have"),
        (lambda _: {"X-Key": b"hush"}, Verdict.HALTED, "has a value that no header can have"),
        (lambda _: {"hush hush": "x"}, Verdict.HALTED, "has a name that no header can have"),
        (lambda _: {"host": "x"}, Verdict.HALTED, "is set already"),
        (lambda _: {"Content-type": "x"}, Verdict.HALTED, "is set already"),
        (lambda _: {"x-tenant": "x"}, Verdict.HALTED, "is set already"),
    ],
)
def test_a_scheme_that_fails_sends_nothing(
    headers: Callable[[OutgoingRequest], Any], verdict: Verdict, reason: str, consumer: Consumer
) -> None:
    sink = make_sink(consumer.url, Auth(OddScheme, {"headers": headers}), headers={"X-Tenant": "harbour"})
    answer = send(sink)
    assert (answer.verdict, answer.reached, answer.answered) == (verdict, False, False)
    assert reason in answer.reason
    assert "hush" not in answer.reason
    assert answer.retry_after == (7.0 if answer.reason == "not now" else 0.0)
    assert not sink.probe().is_sound
    assert consumer.requests == []
    sink.close()


def test_a_scheme_is_given_the_request_and_asked_again_once(consumer: Consumer) -> None:
    seen: list[OutgoingRequest] = []

    def headers(request: OutgoingRequest) -> Mapping[str, str]:
        seen.append(request)
        return {"Authorization": f"Signature {len(seen)}"}

    sink = make_sink(consumer.url, Auth(OddScheme, {"headers": headers, "renew": lambda: True}), timeout=5.0)
    answer = send(sink)
    assert (answer.verdict, answer.status, len(consumer.requests)) == (Verdict.HALTED, 401, 2)
    assert [head["Authorization"] for head in consumer.headers] == ["Signature 1", "Signature 2"]
    assert (seen[0].method, seen[0].url, seen[0].body) == ("POST", consumer.url, b'[{"id": "s1", "who": "w"}]')
    assert seen[0].headers == {"Content-Type": "application/json"}
    assert 0 < seen[1].time_left < seen[0].time_left <= 5.0
    assert abs((seen[0].now - datetime.now(UTC)).total_seconds()) < 60
    assert "s1" not in repr(seen[0])
    sink.close()


@pytest.mark.parametrize("renew", [lambda: False, lambda: raise_error(ValueError("hush"))])
def test_without_other_credentials_nothing_is_sent_again(renew: Callable[[], bool], consumer: Consumer) -> None:
    sink = make_sink(consumer.url, Auth(OddScheme, {"headers": lambda _: {"X-Key": "k"}, "renew": renew}))
    answer = send(sink)
    assert len(consumer.requests) == 1
    assert answer.verdict is (Verdict.RETRY if "failed" in answer.reason else Verdict.HALTED)
    sink.close()


def test_credentials_that_a_consumer_repeats_are_masked() -> None:
    def repeat(handler: Any) -> None:
        said(handler, 400, str(handler.headers).encode())

    with serving() as server:
        server.reply = repeat
        for value in ("Basic cmVsYXk6aHVzaA==", "hush-hush"):
            sink = make_sink(server.url, Auth(OddScheme, {"headers": lambda _, value=value: {"X-Key": value}}))
            answer = send(sink)
            assert "X-Key: ***" in answer.consumer_text
            assert value.rpartition(" ")[2] not in answer.consumer_text
            sink.close()


# --- oauth2 -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("by", ["basic", "body"])
def test_a_token_is_asked_for_once_and_kept(by: str, tokens: TokenServer, consumer: Consumer) -> None:
    more = {"scope": "statements/write profile", "audience": "https://lrs.example.org", "resource": "urn:lrs"}
    sink = make_sink(consumer.url, load_auth(tokens.settings(client_auth=by, **more)))
    for _ in range(3):
        assert send(sink).verdict is Verdict.STORED
    prefix = "basic" if by == "basic" else "client"
    proof = {f"{prefix}_id": CLIENT, f"{prefix}_secret": SECRET}
    assert tokens.forms == [{"grant_type": "client_credentials", **more, **proof}]
    assert [head["Authorization"] for head in consumer.headers] == ["Bearer token-1"] * 3
    sink.close()


class TurnedTime:
    """Stands in the place of the module `time` in `oauth2`; tests turn its monotonic clock."""

    time = staticmethod(time.time)

    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def turned(monkeypatch: pytest.MonkeyPatch) -> TurnedTime:
    turned = TurnedTime()
    monkeypatch.setattr(oauth2, "time", turned)
    return turned


@pytest.mark.parametrize(("life", "kept"), [(3600, 3569.9), ("3600", 3569.9), (10, 7.9), (10**30, 10**8)])
def test_a_token_is_renewed_before_it_ends(
    life: Any, kept: float, tokens: TokenServer, consumer: Consumer, turned: TurnedTime
) -> None:
    """By the time since it was asked for: what clocks of the servers say is nothing to us."""
    tokens.more |= {"expires_in": life, "expires_at": 946_684_800}
    sink = make_sink(consumer.url, load_auth(tokens.settings()))
    assert send(sink).verdict is Verdict.STORED
    turned.now += kept
    assert send(sink).verdict is Verdict.STORED
    assert tokens.granted == 1
    turned.now += 0.2 if kept < 10**8 else 10**9
    assert send(sink).verdict is Verdict.STORED
    assert [head["Authorization"] for head in consumer.headers] == [f"Bearer token-{n}" for n in (1, 1, 2)]
    sink.close()


def test_a_good_token_serves_while_the_token_server_is_down(
    tokens: TokenServer, consumer: Consumer, turned: TurnedTime
) -> None:
    sink = make_sink(consumer.url, load_auth(tokens.settings()))
    assert send(sink).verdict is Verdict.STORED
    tokens.reply = reply_with(503)
    for passed, asked in ((3575.0, 2), (4.0, 2), (4.0, 3)):  # it is left alone for a while
        turned.now += passed
        assert send(sink).verdict is Verdict.STORED
        assert len(tokens.forms) == asked
    turned.now += 20.0
    answer = send(sink)
    assert (answer.verdict, answer.reason) == (Verdict.RETRY, "the token server answers HTTP 503")
    assert len(consumer.requests) == 4
    sink.close()


def test_a_token_that_is_withdrawn_during_a_batch_is_renewed_once(tokens: TokenServer, consumer: Consumer) -> None:
    del tokens.more["expires_in"]  # so it lives until a consumer says otherwise
    sink = make_sink(consumer.url, load_auth(tokens.settings()))
    assert send(sink).verdict is Verdict.STORED
    tokens.good.clear()
    assert send(sink).verdict is Verdict.STORED
    assert [head["Authorization"] for head in consumer.headers] == [f"Bearer token-{n}" for n in (1, 1, 2)]
    consumer.behave = lambda ids: 401
    answer = send(sink)
    assert (answer.verdict, answer.reason, tokens.granted) == (Verdict.HALTED, "HTTP 401", 3)
    consumer.behave = lambda ids: None
    assert send(sink).verdict is Verdict.STORED
    assert tokens.granted == 3, "the renewed token is kept: a consumer whose clock is late takes it later"
    sink.close()


def denied(code: str) -> dict[str, str]:
    return {"error": code, "error_description": f"{SECRET} of {CLIENT}"}


@pytest.mark.parametrize(
    ("reply", "verdict", "reason"),
    [
        (reply_with(400, denied("invalid_scope")), Verdict.HALTED, "the token server refuses: invalid_scope"),
        (reply_with(401, denied("invalid_client")), Verdict.HALTED, "the token server refuses: invalid_client"),
        (reply_with(400, denied(SECRET)), Verdict.HALTED, "the token server answers HTTP 400, but not with a token"),
        (reply_with(400, denied("slow_down"), Retry_After="9"), Verdict.RETRY, "gives no token now: slow_down"),
        (reply_with(401, b"<html>log in</html>"), Verdict.HALTED, "answers HTTP 401, but not with a token"),
        (reply_with(503, b"<html>" + SECRET.encode(), Retry_After="9"), Verdict.RETRY, "answers HTTP 503"),
        (reply_with(302, Location="/elsewhere"), Verdict.HALTED, "answers HTTP 302, but not with a token"),
        (reply_with(200, b"<html>log in</html>"), Verdict.HALTED, "answers HTTP 200, but not with a token"),
        (reply_with(200, b"\xff\xfe"), Verdict.HALTED, "answers HTTP 200, but not with a token"),
        (reply_with(200, b"[" * 100_000), Verdict.HALTED, "answers HTTP 200, but not with a token"),
        (reply_with(200, {"token_type": "Bearer"}), Verdict.HALTED, "answers HTTP 200, but not with a token"),
        (reply_with(200, {"access_token": None}), Verdict.HALTED, "a token that cannot stand in a header"),
        (reply_with(200, {"access_token": "a\r\nX-More: b"}), Verdict.HALTED, "a token that cannot stand in a header"),
        (reply_with(200, {"access_token": "a", "token_type": "mac"}), Verdict.HALTED, "tokens of another type"),
        (reply_with(200, {"access_token": "a", "expires_in": "soon"}), Verdict.HALTED, "but not with a token"),
        (
            reply_with(200, b'{"access_token": "' + b"a" * ANSWER_LIMIT),
            Verdict.HALTED,
            "answers HTTP 200, but not with a token",
        ),
    ],
)  # fmt: skip
def test_what_is_no_token_sends_nothing(
    reply: Any, verdict: Verdict, reason: str, tokens: TokenServer, consumer: Consumer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    tokens.reply = reply
    sink = make_sink(consumer.url, load_auth(tokens.settings()))
    answer = send(sink)
    assert reason in answer.reason
    assert (answer.verdict, answer.reached, answer.answered) == (verdict, False, False)
    assert answer.retry_after in ((9.0,) if verdict is Verdict.RETRY else (0.0,))
    probe = sink.probe()
    assert not probe.is_sound
    assert consumer.requests == []
    for text in (answer.reason, probe.reason, caplog.text, repr(sink._client._auth), repr(sink.settings)):
        assert SECRET not in text
    tokens.reply = None
    assert send(sink).verdict is Verdict.STORED
    sink.close()


@pytest.mark.parametrize(
    ("head", "drip"),
    [(b"", b""), (b"", b"H"), (b"HTTP/1.1 200 OK\r\n", b"X-More: x\r\n"), (b"HTTP/1.1 200 OK\r\n\r\n{", b" ")],
    ids=["silent", "status line", "headers", "body"],
)
def test_a_token_server_that_stalls_has_its_own_time(head: bytes, drip: bytes, consumer: Consumer) -> None:
    with dripping(head, drip) as address:
        auth = load_auth({
            "scheme": "oauth2", "token_url": f"http://{address}/token", "client_id": "a", "client_secret": "b",
        })  # fmt: skip
        sink = make_sink(consumer.url, auth, timeout=1.0)
        started = time.monotonic()
        answer = send(sink)
        assert time.monotonic() - started < 3
        assert (answer.verdict, answer.reason) == (Verdict.RETRY, "the token server: no answer within 0.5 s")
        assert consumer.requests == []
        sink.close()


def test_a_token_server_that_is_down_or_not_what_it_says_is_named(consumer: Consumer) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with serving() as plain:
        for url, reason in (
            (f"http://127.0.0.1:{port}/token", "the token server: connection refused"),
            (plain.url.replace("http:", "https:"), "the token server: TLS failed: the other end does not speak TLS"),
        ):
            auth = {"scheme": "oauth2", "token_url": url, "client_id": "a", "client_secret": "b"}
            sink = make_sink(consumer.url, load_auth(auth))
            answer = send(sink)
            assert answer.verdict is Verdict.RETRY
            assert answer.reason.startswith(reason)
            sink.close()
        assert plain.requests == []


def test_a_token_server_is_no_fault_of_a_statement(
    tokens: TokenServer, consumer: Consumer, make_drain: Callable[..., Drain], caplog: pytest.LogCaptureFixture
) -> None:
    auth = load_auth(tokens.settings())
    drain = make_drain(auth=auth, retry=Retry(attempts=2, backoff=1.0, ceiling=2.0))
    drain.outbox.put(statements(1, 30, "a"))
    for reply, words in (
        (reply_with(503), "unavailable, the token server answers HTTP 503"),
        (reply_with(401, denied("invalid_client")), "halted, the token server refuses: invalid_client"),
    ):
        tokens.reply = reply
        drain.spend(60)
        assert words in caplog.text
        assert drain.status.waiting == 30
    tokens.reply = None
    drain.spend(60)
    assert len(consumer.stored) == 30
    assert (drain.status.waiting, drain.status.dead) == (0, 0)


def test_each_sender_has_a_token_of_its_own(tokens: TokenServer, consumer: Consumer) -> None:
    auth = load_auth(tokens.settings())
    answers: list[SinkAnswer] = []

    def run() -> None:
        sink = make_sink(consumer.url, auth)
        answers.extend(send(sink) for _ in range(5))
        sink.close()

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [answer.verdict for answer in answers] == [Verdict.STORED] * 20
    assert tokens.granted == 4


def test_no_auth_is_the_scheme_none() -> None:
    assert load_auth({"scheme": "none"}) == Auth() == Auth(NoAuth, {})
