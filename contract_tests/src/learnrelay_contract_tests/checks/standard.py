"""Standards: settings, batches, and what a consumer's answer means."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import orjson

from .. import leaks
from ..samples import Marker
from ..subject import Subject
from . import Finding, NotApplicableError, Note, check

MOMENT = "2026-03-02T09:00:00.250000+00:00"
LONGEST = 600
MARKER = Marker("the body", "Vexolun Karimotse 884213")
BODIES = (
    "", "[]", "{}", "null", "not JSON \x00", "[" * 500, '{"message": "refused"}', '{"message": {"a": [1]}}',
    '{"error": 3}',
    f"<html>{MARKER.text}</html>", orjson.dumps([{"actor": {"name": MARKER.text}}]).decode(),
    orjson.dumps({"statement": {"actor": MARKER.text}, "statements": [MARKER.text]}).decode(),
    orjson.dumps({"detail": "x" * 100_000}).decode(), '"text"', "é\ud7ff",
)  # fmt: skip


def _name(subject: Subject) -> str:
    if subject.name not in subject.standards:
        raise NotApplicableError("it brings no standard")
    return subject.name


@check(
    "standard.answers",
    "Every answer of a consumer is judged as HTTP means it, without raising and without repeating statements.",
)
def answers(subject: Subject) -> Iterable[Finding | Note]:
    """All status codes with bodies of every kind."""
    standard = _name(subject)
    statuses = [*range(200, 600), 0, 100, 999]
    asked = [[status, {"Content-Type": "application/json"}, body] for status in statuses for body in ("", BODIES[6])]
    asked += [
        [status, {}, body] for status in (200, 204, 400, 401, 404, 409, 413, 422, 429, 500, 503) for body in BODIES
    ]
    told = subject.process.ask("judge", standard=standard, answers=asked)
    faults: dict[str, list[int]] = {}
    for (status, _, body), (verdict, reason) in zip(asked, told, strict=True):
        for fault in _faults(status, body, verdict, reason):
            faults.setdefault(fault, []).append(status)
    for fault, found in faults.items():
        shown = ", ".join(map(str, sorted(set(found))[:6]))
        yield Finding(f"HTTP {shown}{' …' if len(set(found)) > 6 else ''}: {fault}")
    yield Note(f"{len(asked)} answers judged")


def _faults(status: int, body: str, verdict: str, reason: str) -> Iterator[str]:
    if verdict in ("raised", "?"):
        yield f"judge {'raises' if verdict == 'raised' else 'gives'} {reason}"
        return
    if 200 <= status < 300 and verdict != "STORED" and not body.strip():
        yield f"means success, is judged {verdict}"
    if not 200 <= status < 300 and verdict == "STORED" and status != 409:
        yield "means no success, is judged STORED: statements would be lost"
    if status in (401, 403, 404) and verdict in ("REFUSED", "TOO_LARGE"):
        yield f"is about the destination, is judged {verdict}: statements would be condemned for it"
    if status in (408, 429, 500, 502, 503, 504) and verdict not in ("RETRY", "HALTED"):
        yield f"passes, is judged {verdict}: statements would be condemned for it"
    if status == 413 and verdict not in ("TOO_LARGE", "REFUSED"):
        yield f"means too large, is judged {verdict}: it would be sent for ever"
    if len(reason) > LONGEST:
        yield f"the reason has {len(reason):,} characters"
    if any(leaks.find([MARKER], [reason])):
        yield "the reason repeats what the consumer echoes of statements"


@check(
    "standard.batches",
    "A batch goes out as JSON that holds its statements, each as it is, in order; the same batch as the same bytes.",
)
def batches(subject: Subject) -> Iterable[Finding | Note]:
    """Batches of one, two and a hundred, encoded and read again."""
    standard = _name(subject)
    statements = [
        orjson.dumps({"id": f"{number:03}", "text": 'é"\\\n\u2028', "n": [number, 0.1, None]}).decode()
        for number in range(100)
    ]
    for size in (1, 2, 100):
        batch = statements[:size]
        told = subject.process.ask("encode", standard=standard, batch=batch, moment=MOMENT)
        again = subject.process.ask("encode", standard=standard, batch=batch, moment=MOMENT)
        if "raised" in told:
            yield Finding(f"encode raises {told['raised']} for a batch of {size}")
            continue
        if told != again:
            yield Finding("encode gives other bytes for the same batch and moment")
        try:
            body = orjson.loads(told["body"])
        except orjson.JSONDecodeError:
            yield Finding("the body is not JSON")
            continue
        if [orjson.loads(one) for one in batch] not in _lists(body):
            yield Finding(
                f"a batch of {size}: the statements cannot be found again in the body, in order and unchanged"
            )
        if not any(name.lower() == "content-type" for name in told["headers"]):
            yield Finding("the headers name no Content-Type")
        if any(name.lower() in ("authorization", "cookie", "host") for name in told["headers"]):
            yield Finding("the headers hold credentials or an address: these are the core's")
    probe = subject.process.ask("probe", standard=standard)
    if not all(isinstance(key, str) and isinstance(value, str) for key, value in probe.items()):
        yield Finding("the headers of the probe are no texts")


def _lists(body: Any) -> Iterator[Any]:
    if isinstance(body, list):
        yield body
    elif isinstance(body, dict):
        for value in body.values():
            yield from _lists(value)


@check("standard.schema", "The schema refuses what is no statement, and never raises.")
def schema(subject: Subject) -> Iterable[Finding | Note]:
    """Things that are no statements."""
    standard = _name(subject)
    wrong = ["{}", "[]", "null", '"x"', "3", '{"id": null}', '{"id": {"a": []}}', "[{}]", '{"": [[[]]]}']
    for text, problems in zip(wrong, subject.process.ask("validate", standard=standard, statements=wrong), strict=True):
        if not problems:
            yield Finding(f"the schema takes {text} for a statement")
        elif "raised" in str(problems):
            yield Finding(f"the schema raises at {text}")
