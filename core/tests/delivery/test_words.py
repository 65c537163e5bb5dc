"""A consumer may repeat what it was sent: its words stand beside the statement, in the dead letter, nowhere else."""

from __future__ import annotations

import json
import logging
from base64 import b64encode
from collections.abc import Callable
from dataclasses import asdict

import pytest

from destinations import http_destination
from learnrelay.auth import Auth
from learnrelay.config.models import Alerts, BatchLimits, Retry
from learnrelay.config.secrets import Secret
from learnrelay.core_auth.constant import BasicAuth
from learnrelay.core_sinks.http_client import ANSWER_LIMIT
from learnrelay.delivery.alerts import AlertMonitor
from learnrelay.outbox import Outbox, OutgoingStatement
from learnrelay.standards import Answer, Judgement, judge_status

from .conftest import NOT_ON_MYSQL, Drain, TurnedClock, statements
from .consumer import Consumer, PlainStandard

pytestmark = NOT_ON_MYSQL

MakeDrain = Callable[..., Drain]
LEARNER, SECRET = "pseudonym-of-somebody", "kept-quiet"
ECHO = f"not this: {LEARNER}, {SECRET}, {b64encode(b'relay:' + SECRET.encode()).decode()}".encode()


@pytest.mark.parametrize(
    ("status", "alone"), [(400, True), (409, True), (413, True), (500, True), (401, False), (503, False)]
)
def test_words_that_repeat_a_statement(
    status: int, alone: bool, consumer: Consumer, open_outbox: Callable[..., Outbox], make_drain: MakeDrain,
    clock: TurnedClock, caplog: pytest.LogCaptureFixture,
) -> None:  # fmt: skip
    caplog.set_level(logging.DEBUG)
    outbox = open_outbox(clock, alerts=Alerts(waiting=1, age=1.0, dead=1, unavailable=1.0))
    secret = Auth(BasicAuth, {"username": "relay", "password": Secret(SECRET)})
    drain = make_drain(outbox, auth=secret, batch=BatchLimits(5, 1.0), retry=Retry(3, 1.0, 2.0))
    learner = OutgoingStatement(
        "plain", "s9", "video.played", json.dumps({"id": "s9", "who": LEARNER}).encode(), ("a",)
    )
    outbox.put([*statements(1, 8, "a"), learner])
    consumer.behave = lambda batch: (status, {}, ECHO) if "s9" in batch or not alone else None
    drain.spend(60)
    AlertMonitor(outbox).check()

    assert drain.status.dead + drain.status.conflicts == alone and (len(consumer.stored) == 8) == alone
    assert ("alert raised" in caplog.text) == (status != 409)
    shown = f"{caplog.text} {json.dumps(asdict(drain.status))}"
    assert LEARNER not in shown and "not this" not in shown and SECRET not in shown
    if alone:
        what = "are there already with other content" if status == 409 else "given up"
        assert f"1 statement(s) {what} (HTTP {status})" in caplog.text
        (letter,) = outbox.dead_letters.list()
        assert letter.reason.startswith(f"HTTP {status}: not this: {LEARNER}, ***, ***")
    else:
        assert drain.status.paused == f"HTTP {status}"


class Wordless(PlainStandard):
    """Finds no words in an answer."""

    def judge(self, answer: Answer) -> Judgement:
        return Judgement(judge_status(answer.status))


def test_what_a_standard_finds_no_words_in_is_kept_as_it_is(
    consumer: Consumer, open_outbox: Callable[..., Outbox], clock: TurnedClock
) -> None:
    outbox = open_outbox(clock)
    outbox.put(statements(1, 1, "a"))
    consumer.behave = lambda batch: (422, {}, b"\n<p>Verb  not\xff\n allowed</p>" + b"!" * 9999)
    drain = Drain(outbox, clock, http_destination("a", "plain", consumer.url), Wordless())
    drain.run()
    drain.close()
    (letter,) = outbox.dead_letters.list()
    assert letter.reason.startswith("HTTP 422: <p>Verb not\N{REPLACEMENT CHARACTER} allowed</p>!!!")
    assert len(letter.reason) == 300


@pytest.mark.parametrize("over", [0, 3_000_000])
def test_an_answer_that_is_not_read_to_its_end_stores_nothing(
    over: int, consumer: Consumer, make_drain: MakeDrain
) -> None:
    drain = make_drain()
    drain.outbox.put(statements(1, 5, "a"))
    consumer.behave = lambda batch: (200, {}, b" " * (ANSWER_LIMIT + over))
    drain.burst()
    assert (drain.status.delivered, drain.status.waiting, drain.status.halted) == (0, 5, True)
    assert drain.status.paused == "HTTP 200, but not as a consumer of plain answers"
