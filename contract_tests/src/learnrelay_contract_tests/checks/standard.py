"""Standards: settings, batches, and what a consumer's answer means."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import orjson

from .. import leaks
from ..samples import NASTY, Marker, copy
from ..subject import Subject
from . import Finding, NotApplicableError, Note, check

MOMENT = "2026-03-02T09:00:00.250000+00:00"
LONGEST = 600
"""Characters that a reason may have."""

MOST = 2000
"""Statements in the largest batch that is tried."""

MARKER = Marker("the body", "Vexolun Karimotse 884213")
BODIES = (
    "", "[]", "{}", "null", "not JSON \x00", "[" * 500, '{"message": "refused"}', '{"message": {"a": [1]}}',
    '{"error": 3}',
    f"<html>{MARKER.text}</html>", orjson.dumps([{"actor": {"name": MARKER.text}}]).decode(),
    orjson.dumps({"statement": {"actor": MARKER.text}, "statements": [MARKER.text]}).decode(),
    orjson.dumps({"detail": "x" * 100_000}).decode(), '"text"', "é\ud7ff",
)  # fmt: skip

_JSON_BODIES = ("[]", "{}", "null", '{"message": "refused"}', '{"error": 3}', '"text"')


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
        [status, {}, body] for status in (200, 204, 400, 401, 403, 404, 409, 413, 422, 429, 500, 503) for body in BODIES
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


def _faults(status: int, body: str, verdict: str, reason: Any) -> Iterator[str]:
    if verdict in ("raised", "?"):
        yield f"judge {'raises' if verdict == 'raised' else 'gives'} {reason}"
        return
    if not isinstance(reason, str):
        yield "the reason is no text"
        return
    meaning, right = _meaning(status, body)
    if verdict not in right:
        yield f"{meaning}, is judged {verdict}: {_CONSEQUENCES[verdict]}"
    if len(reason) > LONGEST:
        yield f"the reason has {len(reason):,} characters"
    if any(leaks.find([MARKER], [reason])):
        yield "the reason repeats what the consumer echoes of statements"


_CONSEQUENCES = {
    "STORED": "statements would be lost",
    "REFUSED": "statements would be condemned for it",
    "CONFLICT": "statements would be condemned for it",
    "TOO_LARGE": "batches would shrink for nothing",
    "RETRY": "the same would be sent again for ever",
    "HALTED": "everything would stop until somebody starts it again",
}
_REFUSALS = {"REFUSED", "CONFLICT", "TOO_LARGE"}
_ANYTHING_BUT_STORED = {*_REFUSALS, "RETRY", "HALTED"}


def _meaning(status: int, body: str) -> tuple[str, set[str]]:
    """What HTTP means by a status (RFC 9110, 6585), and the verdicts that a standard may give it.

    A protocol of its own may tell more by the body of a success, or of a refusal that is no JSON; a standard whose
    protocol means something else by a status says so in a gap.
    """
    if 200 <= status < 300:
        plain = body in ("", "[]", "{}")
        return "means success", {"STORED"} if plain else {"STORED", "HALTED", "RETRY", *_REFUSALS}
    if status == 400:
        plain = body in ("", *_JSON_BODIES)
        return "condemns something in the request", _REFUSALS if plain else {*_REFUSALS, "HALTED"}
    if status == 409:
        return "means a conflict", {"CONFLICT", "REFUSED"}
    if status == 413:
        return "means too large", {"TOO_LARGE"}
    if status == 422:
        return "condemns something in the request", {*_REFUSALS, "HALTED"}
    if status in (401, 403, 407):
        return "refuses our credentials", {"HALTED"}
    if status in (408, 425, 429) or (500 <= status < 600 and status not in _FOR_GOOD):
        return "passes", {"RETRY"}
    if 402 <= status < 500 and status not in _ADDRESSES:
        return "means no success", _ANYTHING_BUT_STORED
    return "is about the destination", {"RETRY", "HALTED"}


_FOR_GOOD = (501, 505, 506, 508, 510, 511)
"""Server errors that time need not cure."""

_ADDRESSES = (404, 405, 410, 421)


@check(
    "standard.batches",
    "A batch goes out as JSON that holds its statements, each as it is, in order; the same batch as the same bytes.",
)
def batches(subject: Subject) -> Iterable[Finding | Note]:
    """Batches of one to two thousand, in no order, with equal and with odd statements, encoded and read again."""
    standard = _name(subject)
    usual = [orjson.dumps({"id": f"{number * 617 % MOST:04}", "n": number}).decode() for number in range(MOST)]
    odd = [orjson.dumps({"id": f"odd {number}", "of": one}).decode() for number, one in enumerate(ODD)]
    for batch in (usual[:1], usual[:2], [usual[7], usual[3], usual[7], usual[7]], odd, usual[:100], usual):
        size = len(batch)
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
        if not _unchanged(batch, body):
            what = "odd values" if batch is odd else "statements"
            yield Finding(f"a batch of {size}: its {what} cannot be found again in the body, all, in order, unchanged")
            break
        if not any(name.lower() == "content-type" for name in told["headers"]):
            yield Finding("the headers name no Content-Type")
        if any(name.lower() in ("authorization", "cookie", "host") for name in told["headers"]):
            yield Finding("the headers hold credentials or an address: these are the core's")
    probe = subject.process.ask("probe", standard=standard)
    if not all(isinstance(key, str) and isinstance(value, str) for key, value in probe.items()):
        yield Finding("the headers of the probe are no texts")


ODD: tuple[Any, ...] = (
    0.1 + 0.2, 1 / 3, 2**53 + 1, -(2**63), 2**64 - 1, 1e308, 5e-324, -0.0, 100.0, 12345678.123456789, None, True, "",
    [], {}, [None, [[]]], {"": {"a.b": {"$c": 1}}}, 'é"\\\n\u2028\U0001f600 <&>', "e\u0301", "x" * 20_000, "0.10",
)  # fmt: skip
"""Values that whoever writes JSON anew may change."""


def _unchanged(batch: list[str], body: Any) -> bool:
    """Whether the statements are in the body, to the last digit: 100.0 is not 100, and -0.0 not 0.0."""
    wanted = [repr(orjson.loads(one)) for one in batch]
    return any(wanted == [repr(one) for one in found] for found in _lists(body) if len(found) == len(batch))


def _lists(body: Any) -> Iterator[Any]:
    if isinstance(body, list):
        yield body
    elif isinstance(body, dict):
        for value in body.values():
            yield from _lists(value)


@check("standard.schema", "The schema refuses what is no statement, and never raises.")
def schema(subject: Subject) -> Iterable[Finding | Note]:
    """Things that are no statements, and composed ones with something else at one of their places."""
    standard = _name(subject)
    wrong = ["{}", "[]", "null", '"x"', "3", '{"id": null}', '{"id": {"a": []}}', "[{}]", '{"": [[[]]]}']
    for shown, problems in zip(wrong, _validated(subject, wrong), strict=True):
        if not problems:
            yield Finding(f"the schema takes {shown} for a statement")
        elif _raised(problems):
            yield Finding(f"the schema raises at {shown}")
    statements = [
        orjson.loads(text)
        for case in subject.cases
        for outcome in subject.base[case.about]
        for text in outcome.get("statements", [])
    ]
    if not statements:
        return
    yield from _altered(subject, statements[0])
    for key in sorted(set(statements[0]).intersection(*statements)):
        altered = [orjson.dumps({**statements[0], key: one}).decode() for one in _ANYTHING]
        if all(not problems for problems in _validated(subject, altered)):
            yield Finding(f"the schema takes anything for {key}, which every statement has", path=key)
    yield Note(f"{standard}: {len(statements)} composed statements")


_ANYTHING: tuple[Any, ...] = (3, True, "§", [[]], {"§": {}})


def _altered(subject: Subject, statement: dict[str, Any]) -> Iterator[Finding]:
    """Each nasty value at each place of a statement: a problem or none, but never an exception."""
    for path in _paths(statement):
        altered = []
        for value in NASTY:
            other: Any = copy(statement)
            holder = other
            for key in path[:-1]:
                holder = holder[key]
            holder[path[-1]] = value
            altered.append(orjson.dumps(other).decode())
        for value, problems in zip(NASTY, _validated(subject, altered), strict=True):
            if _raised(problems):
                shown = orjson.dumps(value).decode()[:40]
                yield Finding(f"the schema raises at {'.'.join(map(str, path))} = {shown}", path=str(path[0]))
                return


def _paths(value: Any, prefix: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    pairs: Iterable[Any] = ()
    if isinstance(value, (dict, list)):
        pairs = value.items() if isinstance(value, dict) else enumerate(value)
    for key, inner in pairs:
        yield (*prefix, key)
        yield from _paths(inner, (*prefix, key))


def _validated(subject: Subject, statements: list[str]) -> list[Any]:
    found: list[Any] = subject.process.ask("validate", standard=subject.name, statements=statements)
    return found


def _raised(problems: Any) -> bool:
    return "the schema raised" in str(problems)


@check("standard.composed", "What it composes is checked, with an installed family of it.")
def composed(subject: Subject) -> Iterable[Finding | Note]:
    """Without a family there is nothing to compose, and the other checks have no event."""
    standard = _name(subject)
    if not subject.companions:
        yield Finding(
            f"no installed family says anything in {standard}, so nothing that it composes was checked: "
            "bring one, or install one beside it"
        )
    elif not subject.cases:
        yield Finding(f"{', '.join(subject.companions)} maps no event, so nothing that {standard} composes was checked")
    for family in subject.companions:
        yield Note(f"with {family}")
