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
    """200 and 204 both mean stored, now or before; 409: there is a statement with the same id and other content.

    A 200 names the ids that it is about, all that were sent or only those that are new. If it is no JSON, or names
    another, something that is no LRS has answered, perhaps a page to log in: nothing may be taken as stored.
    """
    verdict = judge_status(answer.status)
    if verdict is not Verdict.STORED:
        return Judgement(verdict, words(answer))
    if not answer.body.strip():
        return Judgement(verdict)
    try:
        told = orjson.loads(answer.body)
    except orjson.JSONDecodeError:
        return Judgement(Verdict.HALTED, "no list of statement ids, so not the answer of an LRS")
    if isinstance(told, list) and answer.sent and not _among(told, answer.sent):
        return Judgement(Verdict.HALTED, "ids of statements that were not sent, so not the answer of this LRS")
    return Judgement(verdict)


def _among(ids: list[object], sent: bytes) -> bool:
    """Do all ids stand in what was sent? Mostly they come in its order: then one pass answers."""
    at = 0
    for one in ids:
        if not isinstance(one, str):
            return False
        quoted = orjson.dumps(one.lower())
        found = sent.find(quoted, at)
        at = sent.find(quoted) if found < 0 else found
        if at < 0:
            return False
    return True


def words(answer: Answer) -> str:
    """The LRS's own words about a refusal, shortened: a message of its JSON, else nothing (it may echo statements)."""
    told = ""
    try:
        body = orjson.loads(answer.body)
    except orjson.JSONDecodeError:
        body = None
    if isinstance(body, dict):
        told = next((str(body[key]) for key in ("message", "error", "detail", "title") if body.get(key)), "")
    return told[:300]
