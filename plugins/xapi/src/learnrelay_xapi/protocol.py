"""Speaking to an LRS: ``POST /statements`` with an array, and what it answers (1.0.3, Communication 1.4 and 2.1)."""

from __future__ import annotations

from collections.abc import Sequence

import orjson

from learnrelay import Answer, Judgement, Request, Verdict, judge_status

HEADERS = {
    "1.0.3": {"Content-Type": "application/json", "X-Experience-API-Version": "1.0.3"},
    "2.0": {"Content-Type": "application/json", "X-Experience-API-Version": "2.0.0"},
}


def encode(batch: Sequence[bytes], version: str) -> Request:
    """Statements as one JSON array; a batch is stored or refused as a whole."""
    return Request(b"[" + b",".join(batch) + b"]", HEADERS[version])


def judge(answer: Answer) -> Judgement:
    """200 and 204 both mean stored, now or before; 409 (same id, other content) condemns one statement."""
    verdict = judge_status(answer.status)
    return Judgement(verdict, "" if verdict is Verdict.STORED else words(answer))


def words(answer: Answer) -> str:
    """The LRS's own words about a refusal, shortened: a message of its JSON, else nothing (it may echo statements)."""
    told = ""
    try:
        body = orjson.loads(answer.body)
    except orjson.JSONDecodeError:
        body = None
    if isinstance(body, dict):
        told = next((str(body[key]) for key in ("message", "error", "detail", "title") if body.get(key)), "")
    return f"HTTP {answer.status}" + (f": {told[:300]}" if told else "")
