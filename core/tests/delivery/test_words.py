"""A consumer may repeat what it was sent: its words stand beside the statement, in the dead letter, nowhere else."""

from __future__ import annotations

import json
import logging
from base64 import b64encode
from collections.abc import Callable
from dataclasses import asdict

import pytest

from learnrelay.config.models import Alerts, Auth, Batch, Destination, Retry
from learnrelay.delivery import Outbox, Parcel
from learnrelay.delivery.alerts import Watch
from learnrelay.delivery.http import ANSWER_LIMIT
from learnrelay.secrets import Secret
from learnrelay.standards import Answer, Judgement, judge_status

from .conftest import Drain, TurnedClock, parcels
from .consumer import Consumer, PlainStandard

MakeDrain = Callable[..., Drain]
LEARNER, SECRET = "pseudonym-of-somebody", "kept-quiet"
ECHO = f"not this: {LEARNER}, {SECRET}, {b64encode(b'relay:' + SECRET.encode()).decode()}".encode()


@pytest.mark.parametrize(
    ("status", "alone"), [(400, True), (409, True), (413, True), (500, True), (401, False), (503, False)]
)
def test_words_that_repeat_a_statement(
    status: int, alone: bool, consumer: Consumer, open_outbox: Callable[..., Outbox], drain: MakeDrain,
    clock: TurnedClock, caplog: pytest.LogCaptureFixture,
) -> None:  # fmt: skip
    caplog.set_level(logging.DEBUG)
    outbox = open_outbox(clock, alerts=Alerts(waiting=1, age=1.0, dead=1, unavailable=1.0))
    secret = Auth("basic", "relay", Secret(SECRET))
    one = drain(outbox, auth=secret, batch=Batch(5, 1.0), retry=Retry(attempts=3, backoff=1.0, ceiling=2.0))
    learner = Parcel("plain", "s9", "video.played", json.dumps({"id": "s9", "who": LEARNER}).encode(), ("a",))
    outbox.put([*parcels(1, 8, "a"), learner])
    consumer.behave = lambda batch: (status, {}, ECHO) if "s9" in batch or not alone else None
    one.spend(60)
    Watch(outbox).check()

    assert one.status.dead == alone and (len(consumer.stored) == 8) == alone
    assert ("alert raised" in caplog.text) == (status != 409)
    shown = f"{caplog.text} {json.dumps(asdict(one.status))}"
    assert LEARNER not in shown and "not this" not in shown and SECRET not in shown
    if alone:
        assert f"1 statement(s) given up (HTTP {status})" in caplog.text
        (letter,) = outbox.dead_letters.list()
        assert letter.reason.startswith(f"HTTP {status}: not this: {LEARNER}, ***, ***")
    else:
        assert one.status.paused == f"HTTP {status}"


class Wordless(PlainStandard):
    """Finds no words in an answer."""

    def judge(self, answer: Answer) -> Judgement:
        return Judgement(judge_status(answer.status))


def test_what_a_standard_finds_no_words_in_is_kept_as_it_is(
    consumer: Consumer, open_outbox: Callable[..., Outbox], clock: TurnedClock
) -> None:
    outbox = open_outbox(clock)
    outbox.put(parcels(1, 1, "a"))
    consumer.behave = lambda batch: (422, {}, b"\n<p>Verb  not\xff\n allowed</p>" + b"!" * 9999)
    one = Drain(outbox, clock, Destination("a", "plain", consumer.url, "all"), Wordless())
    one.run()
    one.close()
    (letter,) = outbox.dead_letters.list()
    assert letter.reason.startswith("HTTP 422: <p>Verb not\N{REPLACEMENT CHARACTER} allowed</p>!!!")
    assert len(letter.reason) == 300


@pytest.mark.parametrize("over", [0, 3_000_000])
def test_an_answer_that_is_not_read_to_its_end_stores_nothing(over: int, consumer: Consumer, drain: MakeDrain) -> None:
    one = drain()
    one.outbox.put(parcels(1, 5, "a"))
    consumer.behave = lambda batch: (200, {}, b" " * (ANSWER_LIMIT + over))
    one.burst()
    assert (one.status.delivered, one.status.waiting, one.status.halted) == (0, 5, True)
    assert one.status.paused == "HTTP 200, but not as a consumer of plain answers"
