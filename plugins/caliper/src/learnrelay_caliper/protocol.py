"""Encodes one envelope a POST for a Caliper endpoint, and judges its answers (Caliper 1.2, section 6 and 7)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import orjson

from learnrelay import Answer, Judgement, Request, Verdict, judge_status

from .entities import in_utc
from .event import CONTEXTS


def encode(batch: Sequence[bytes], now: datetime, sensor: str, version: str) -> Request:
    """Encodes an envelope: exactly sensor, sendTime, dataVersion and data."""
    head = {"sensor": sensor, "sendTime": in_utc(now), "dataVersion": CONTEXTS[version]}
    body = orjson.dumps(head)[:-1] + b',"data":[' + b",".join(batch) + b"]}"
    return Request(body, {"Content-Type": "application/json"})


def judge(answer: Answer) -> Judgement:
    """Judges an answer: any 2xx covers the whole envelope; 422 refuses its dataVersion, whatever its events are.

    The standard says nothing of the body of a 2xx; but a page for people was written by no endpoint.
    """
    verdict = Verdict.HALTED if answer.status == 422 else judge_status(answer.status)
    if verdict is not Verdict.STORED:
        return Judgement(verdict, answer.message())
    if answer.body.lstrip()[:1] == b"<":
        return Judgement(Verdict.HALTED, "a page for people, not the answer of an endpoint")
    return Judgement(verdict)
