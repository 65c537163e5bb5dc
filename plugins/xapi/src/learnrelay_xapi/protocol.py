"""Encodes requests to an LRS, ``POST /statements`` with an array, and judges answers (Communication 1.4, 2.1)."""

from __future__ import annotations

from collections.abc import Sequence

import orjson

from learnrelay import Answer, Judgement, Request, Verdict, judge_status

HEADERS = {
    "1.0.3": {"Content-Type": "application/json", "X-Experience-API-Version": "1.0.3"},
    "2.0": {"Content-Type": "application/json", "X-Experience-API-Version": "2.0.0"},
}


def encode(batch: Sequence[bytes], version: str) -> Request:
    """Encodes statements as one JSON array; a batch is stored or refused as a whole."""
    return Request(b"[" + b",".join(batch) + b"]", HEADERS[version])


def judge(answer: Answer) -> Judgement:
    """Judges an answer: 200 and 204 mean stored, now or before; 409, the LRS has this id with other content.

    A 200 names the ids that it is about: the others are not known to be stored. If it is no JSON, or names another,
    something that is no LRS has answered, perhaps a page to log in: nothing may be taken as stored.
    """
    verdict = judge_status(answer.status)
    if verdict is not Verdict.STORED:
        return Judgement(verdict, answer.message())
    if not answer.body.strip():
        return Judgement(verdict)
    try:
        ids = orjson.loads(answer.body)
    except orjson.JSONDecodeError:
        return Judgement(Verdict.HALTED, "no list of statement ids, so not the answer of an LRS")
    if not isinstance(ids, list):
        return Judgement(verdict)
    if not all(isinstance(statement_id, str) for statement_id in ids) or (answer.sent and not _among(ids, answer.sent)):
        return Judgement(Verdict.HALTED, "ids of statements that were not sent, so not the answer of this LRS")
    return Judgement(verdict, stored=[statement_id.lower() for statement_id in ids])


def _among(ids: list[str], sent: bytes) -> bool:
    """Tells whether all ids are in the request. Mostly they come in its order: then one pass is enough."""
    at = 0
    for statement_id in ids:
        quoted = orjson.dumps(statement_id.lower())
        later = sent.find(quoted, at)
        at = sent.find(quoted) if later < 0 else later
        if at < 0:
            return False
    return True
