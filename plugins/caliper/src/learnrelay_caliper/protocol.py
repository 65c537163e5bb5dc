"""Speaking to a Caliper endpoint: one envelope a POST, and what it answers (Caliper 1.2, section 6 and 7)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import orjson

from learnrelay import Answer, Judgement, Request, Verdict, judge_status

from .entities import in_utc
from .event import CONTEXTS


def encode(batch: Sequence[bytes], now: datetime, sensor: str, version: str) -> Request:
    """An envelope: exactly sensor, sendTime, dataVersion and data."""
    head = {"sensor": sensor, "sendTime": in_utc(now), "dataVersion": CONTEXTS[version]}
    body = orjson.dumps(head)[:-1] + b',"data":[' + b",".join(batch) + b"]}"
    return Request(body, {"Content-Type": "application/json"})


def judge(answer: Answer) -> Judgement:
    """Any 2xx covers the whole envelope. 422 refuses its dataVersion, which no other event would cure.

    The standard says nothing of the body of a 2xx; but a page for people was written by no endpoint.
    """
    verdict = Verdict.HALTED if answer.status == 422 else judge_status(answer.status)
    if verdict is not Verdict.STORED:
        return Judgement(verdict, words(answer))
    if answer.body.lstrip()[:1] == b"<":
        return Judgement(Verdict.HALTED, "a page for people, not the answer of an endpoint")
    return Judgement(verdict)


def words(answer: Answer) -> str:
    """The endpoint's own words (RFC 7807 or plain), shortened; nothing of another form, which may echo events."""
    told = ""
    try:
        body = orjson.loads(answer.body)
    except orjson.JSONDecodeError:
        body = None
    if isinstance(body, dict):
        words = (body.get(key) for key in ("detail", "title", "message", "error"))
        told = next((word for word in words if isinstance(word, str)), "")
    return told[:300]
