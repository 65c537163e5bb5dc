"""What a sink does wrong costs no statement, and shows no secret."""

from __future__ import annotations

from typing import Any

import marshmallow
import pytest

from learnrelay.auth import Auth
from learnrelay.config import Destination
from learnrelay.config.secrets import Secret
from learnrelay.core_auth.constant import BasicAuth
from learnrelay.delivery.sender import Sender
from learnrelay.errors import SinkError
from learnrelay.outbox.queue import ClaimedDelivery
from learnrelay.sinks import Batch, Repeats, Sink, SinkAnswer, Verdict

from .consumer import PlainStandard

PASSWORD = "Kd7wq2Lmz9Xv4bTn"
AUTH = Auth(BasicAuth, {"username": "relay", "password": Secret(PASSWORD)})
SETTINGS = {"deep": [{"auth": AUTH}], "key": Secret("Qp4xs8Ytr2Nw6vJk")}
ROWS = tuple(ClaimedDelivery(key, b'{"id":"%d"}' % key, 0, statement_id=f"s{key}") for key in (1, 2, 3))


class Scripted(Sink):
    name = "scripted"
    settings_schema = marshmallow.Schema
    repeats = Repeats.BY_STATEMENT
    answer: SinkAnswer | Exception = SinkAnswer(Verdict.STORED)
    refusal: Exception | None = None

    def __init__(self) -> None:
        super().__init__(SETTINGS, PlainStandard(), Destination("one", "plain", "all", settings=SETTINGS))
        self.calls: list[str] = []

    @classmethod
    def describe(cls, settings: Any) -> str:
        return "nowhere"

    def open(self) -> None:
        self.calls.append("open")
        if self.refusal is not None:
            raise self.refusal

    def send(self, batch: Batch) -> SinkAnswer:
        self.calls.append(",".join(statement.id for statement in batch.statements))
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer

    def close(self) -> None:
        self.calls.append("close")


def test_a_sink_is_opened_once_and_again_after_it_was_closed() -> None:
    sink = Scripted()
    sender = Sender(sink)
    sink.refusal = SinkError(f"away ({PASSWORD})")
    for _ in range(2):
        result = sender(ROWS)
        assert (result.verdict, result.reason, result.reached) == (Verdict.RETRY, "away (***)", False)
    sink.refusal = None
    for _ in range(2):
        assert sender(ROWS).verdict is Verdict.STORED
        assert sender(ROWS[:1]).verdict is Verdict.STORED
        sender.close()
        sender.close()
    assert sink.calls == ["open", "open", *["open", "s1,s2,s3", "s1", "close"] * 2]


@pytest.mark.parametrize("error", [RuntimeError(PASSWORD), SinkError(PASSWORD), UnicodeError("learner 7")])
def test_an_exception_is_a_retry_that_names_its_type_alone(error: Exception) -> None:
    sink = Scripted()
    sink.answer = error
    result = Sender(sink)(ROWS)
    assert result.verdict is Verdict.RETRY
    assert result.reason == (
        "***" if type(error) is SinkError else f"the sink scripted failed ({type(error).__name__})"
    )


def test_secrets_of_the_destination_are_masked_wherever_they_stand() -> None:
    sink = Scripted()
    text = f"{PASSWORD} Qp4xs8Ytr2Nw6vJk"
    sink.answer = SinkAnswer(Verdict.REFUSED, text, text, refused={"s2": text, "other": text})
    result = Sender(sink)(ROWS)
    assert (result.reason, result.consumer_text, result.refused) == ("*** ***", "*** ***", {2: "*** ***"})


def test_ids_that_differ_in_case_are_two_statements() -> None:
    sink = Scripted()
    sink.answer = SinkAnswer(Verdict.STORED, stored={"s1", "S2"}, refused={"S3": "", "s3": "no"})
    result = Sender(sink)(ROWS)
    assert (result.unnamed, result.refused) == ({2}, {3: "no"})
