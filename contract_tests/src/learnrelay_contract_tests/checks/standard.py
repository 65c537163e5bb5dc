"""Checks standards: batches, schema, and how responses are judged."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import orjson

from .. import leaks
from ..samples import NASTY, Marker, copy
from ..subject import Subject
from . import Finding, NotApplicableError, Note, check

MOMENT = "2026-03-02T09:00:00.250000+00:00"
MAX_REASON = 600
"""Characters that a reason may have."""

MAX_BATCH = 2000
"""Statements in the largest batch that is tested."""

MARKER = Marker("the body", "Vexolun Karimotse 884213")
BODIES = (
    "", "[]", "{}", "null", "not JSON \x00", "[" * 500, '{"message": "refused"}', '{"message": {"a": [1]}}',
    '{"error": 3}',
    f"<html>{MARKER.text}</html>", orjson.dumps([{"actor": {"name": MARKER.text}}]).decode(),
    orjson.dumps({"statement": {"actor": MARKER.text}, "statements": [MARKER.text]}).decode(),
    orjson.dumps({"detail": "x" * 100_000}).decode(), '"text"', "é\ud7ff",
)  # fmt: skip

_JSON_BODIES = ("[]", "{}", "null", '{"message": "refused"}', '{"error": 3}', '"text"')


def _require_standard(subject: Subject) -> str:
    if subject.name not in subject.standards:
        raise NotApplicableError("the plugin has no standard")
    return subject.name


@check(
    "standard.answers",
    "Every response is judged by the meaning of its status in HTTP, without raising or repeating statements.",
)
def check_answers(subject: Subject) -> Iterable[Finding | Note]:
    """Judges all status codes with bodies of every kind."""
    standard = _require_standard(subject)
    statuses = [*range(200, 600), 0, 100, 999]
    answers_sent = [
        [status, {"Content-Type": "application/json"}, body] for status in statuses for body in ("", BODIES[6])
    ]
    answers_sent += [
        [status, {}, body] for status in (200, 204, 400, 401, 403, 404, 409, 413, 422, 429, 500, 503) for body in BODIES
    ]
    judgements = subject.process.ask("judge", standard=standard, answers=answers_sent)
    faults: dict[str, list[int]] = {}
    for (status, _, body), (verdict, reason) in zip(answers_sent, judgements, strict=True):
        for fault in _judgement_faults(status, body, verdict, reason):
            faults.setdefault(fault, []).append(status)
    for fault, fault_statuses in faults.items():
        shown = ", ".join(map(str, sorted(set(fault_statuses))[:6]))
        yield Finding(f"HTTP {shown}{' …' if len(set(fault_statuses)) > 6 else ''}: {fault}")
    yield Note(f"{len(answers_sent)} responses judged")


def _judgement_faults(status: int, body: str, verdict: str, reason: Any) -> Iterator[str]:
    if verdict in ("raised", "?"):
        yield f"judge {'raises' if verdict == 'raised' else 'returns'} {reason}: return a Judgement"
        return
    if not isinstance(reason, str):
        yield "the reason is not text"
        return
    meaning, right = _expected_verdicts(status, body)
    if verdict not in right:
        yield f"the status {meaning}, but is judged {verdict}: {_CONSEQUENCES[verdict]}"
    if len(reason) > MAX_REASON:
        yield f"the reason has {len(reason):,} characters: at most {MAX_REASON} are allowed"
    if any(leaks.find_markers([MARKER], [reason])):
        yield "the reason repeats parts of statements that the response contains"


_CONSEQUENCES = {
    "STORED": "statements would be lost",
    "REFUSED": "statements would become dead letters",
    "CONFLICT": "statements would become dead letters",
    "TOO_LARGE": "batches would be split without need",
    "RETRY": "the batch would be sent again for ever",
    "HALTED": "delivery would stop until an operator restarts it",
}
_REFUSALS = {"REFUSED", "CONFLICT", "TOO_LARGE"}
_ANYTHING_BUT_STORED = {*_REFUSALS, "RETRY", "HALTED"}


def _expected_verdicts(status: int, body: str) -> tuple[str, set[str]]:
    """Returns the meaning of a status in HTTP (RFC 9110, 6585), and the verdicts that a standard may give it.

    A standard's protocol may add meaning by the body of a success, or of a refusal that is no JSON; a standard whose
    protocol gives a status another meaning declares a gap.
    """
    if 200 <= status < 300:
        plain = body in ("", "[]", "{}")
        return "means success", {"STORED"} if plain else {"STORED", "HALTED", "RETRY", *_REFUSALS}
    if status == 400:
        plain = body in ("", *_JSON_BODIES)
        return "refuses the request", _REFUSALS if plain else {*_REFUSALS, "HALTED"}
    if status == 409:
        return "means a conflict", {"CONFLICT", "REFUSED"}
    if status == 413:
        return "means too large", {"TOO_LARGE"}
    if status == 422:
        return "refuses the request", {*_REFUSALS, "HALTED"}
    if status in (401, 403, 407):
        return "refuses the credentials", {"HALTED"}
    if status in (408, 425, 429) or (500 <= status < 600 and status not in _FOR_GOOD):
        return "means a temporary problem", {"RETRY"}
    if 402 <= status < 500 and status not in _ADDRESSES:
        return "means no success", _ANYTHING_BUT_STORED
    return "is about the destination", {"RETRY", "HALTED"}


_FOR_GOOD = (501, 505, 506, 508, 510, 511)
"""Server errors that time need not cure."""

_ADDRESSES = (404, 405, 410, 421)


@check(
    "standard.batches",
    "A batch is encoded as JSON, or as lines of it, with its statements unchanged and in order; "
    "the same batch gives the same bytes.",
)
def check_batches(subject: Subject) -> Iterable[Finding | Note]:
    """Encodes batches of one to two thousand statements, unordered, repeated and odd, and parses them again."""
    standard = _require_standard(subject)
    usual = [
        orjson.dumps({"id": f"{number * 617 % MAX_BATCH:04}", "n": number}).decode() for number in range(MAX_BATCH)
    ]
    odd = [orjson.dumps({"id": f"odd {number}", "of": value}).decode() for number, value in enumerate(ODD)]
    for batch in (usual[:1], usual[:2], [usual[7], usual[3], usual[7], usual[7]], odd, usual[:100], usual):
        size = len(batch)
        request = subject.process.ask("encode", standard=standard, batch=batch, moment=MOMENT)
        repeated = subject.process.ask("encode", standard=standard, batch=batch, moment=MOMENT)
        if "raised" in request:
            yield Finding(f"encode raises {request['raised']} for a batch of {size}")
            continue
        if request != repeated:
            yield Finding("encode returns other bytes for the same batch and moment")
        try:
            body = _parse_body(request["body"])
        except orjson.JSONDecodeError:
            yield Finding("encode returns a body that is neither JSON nor lines of JSON")
            continue
        if not _holds_unchanged(batch, body):
            what = "odd values" if batch is odd else "statements"
            yield Finding(f"a batch of {size}: the body does not hold all its {what} unchanged and in order")
            break
        if not any(name.lower() == "content-type" for name in request["headers"]):
            yield Finding("encode returns headers without Content-Type")
        if any(name.lower() in ("authorization", "cookie", "host") for name in request["headers"]):
            yield Finding("encode returns headers with credentials or a host: only the core sets these")
    probe = subject.process.ask("probe", standard=standard)
    if not all(isinstance(key, str) and isinstance(value, str) for key, value in probe.items()):
        yield Finding("probe returns headers that are not text")


ODD: tuple[Any, ...] = (
    0.1 + 0.2, 1 / 3, 2**53 + 1, -(2**63), 2**64 - 1, 1e308, 5e-324, -0.0, 100.0, 12345678.123456789, None, True, "",
    [], {}, [None, [[]]], {"": {"a.b": {"$c": 1}}}, 'é"\\\n\u2028\U0001f600 <&>', "e\u0301", "x" * 20_000, "0.10",
)  # fmt: skip
"""Values that may change when JSON is rewritten."""


def _parse_body(body: str) -> Any:
    """Parses JSON, or lines of JSON as a list. Raises JSONDecodeError."""
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        return [orjson.loads(line) for line in body.removesuffix("\n").split("\n")]


def _holds_unchanged(batch: list[str], body: Any) -> bool:
    """Tells whether the body holds the statements to the last digit: 100.0 is not 100, and -0.0 not 0.0."""
    wanted = [repr(orjson.loads(statement)) for statement in batch]
    return any(
        wanted == [repr(statement) for statement in candidate]
        for candidate in ([body], *_nested_lists(body))  # one line is the statement itself
        if len(candidate) == len(batch)
    )


def _nested_lists(body: Any) -> Iterator[Any]:
    if isinstance(body, list):
        yield body
    elif isinstance(body, dict):
        for value in body.values():
            yield from _nested_lists(value)


@check("standard.schema", "The schema refuses everything that is not a statement, and never raises.")
def check_schema(subject: Subject) -> Iterable[Finding | Note]:
    """Validates non-statements, and composed statements with another value at one of their paths."""
    standard = _require_standard(subject)
    wrong = ["{}", "[]", "null", '"x"', "3", '{"id": null}', '{"id": {"a": []}}', "[{}]", '{"": [[[]]]}']
    for shown, problems in zip(wrong, _validate(subject, wrong), strict=True):
        if not problems:
            yield Finding(f"the schema accepts {shown} as a statement")
        elif _has_raised(problems):
            yield Finding(f"the schema raises for {shown}: report a problem instead")
    statements = _list_statements(subject)
    if not statements:
        return
    yield from _check_altered_statements(subject, statements[0])
    for key in sorted(set(statements[0]).intersection(*statements)):
        altered = [orjson.dumps({**statements[0], key: value}).decode() for value in _ANYTHING]
        if all(not problems for problems in _validate(subject, altered)):
            yield Finding(f"the schema accepts any value of {key}, which every statement has", path=key)
    yield Note(f"{standard}: {len(statements)} composed statements")


def _list_statements(subject: Subject) -> list[dict[str, Any]]:
    """Lists the composed statements of all samples."""
    return [
        orjson.loads(text)
        for case in subject.cases
        for outcome in subject.sample_outcomes[case.label]
        for text in outcome.get("statements", [])
    ]


_ANYTHING: tuple[Any, ...] = (3, True, "§", [[]], {"§": {}})


def _check_altered_statements(subject: Subject, statement: dict[str, Any]) -> Iterator[Finding]:
    """Validates a statement with each malformed value at each path: a problem or none, but never an exception."""
    for path in _value_paths(statement):
        altered = []
        for value in NASTY:
            other: Any = copy(statement)
            holder = other
            for key in path[:-1]:
                holder = holder[key]
            holder[path[-1]] = value
            altered.append(orjson.dumps(other).decode())
        for value, problems in zip(NASTY, _validate(subject, altered), strict=True):
            if _has_raised(problems):
                shown = orjson.dumps(value).decode()[:40]
                yield Finding(f"the schema raises for {'.'.join(map(str, path))} = {shown}", path=str(path[0]))
                return


def _value_paths(value: Any, prefix: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    pairs: Iterable[Any] = ()
    if isinstance(value, (dict, list)):
        pairs = value.items() if isinstance(value, dict) else enumerate(value)
    for key, inner in pairs:
        yield (*prefix, key)
        yield from _value_paths(inner, (*prefix, key))


def _validate(subject: Subject, statements: list[str]) -> list[Any]:
    problems: list[Any] = subject.process.ask("validate", standard=subject.name, statements=statements)
    return problems


def _has_raised(problems: Any) -> bool:
    return "the schema raised" in str(problems)


@check("standard.learners", "The learner of every composed statement is named, so that `forget` finds it.")
def check_learners(subject: Subject) -> Iterable[Finding | Note]:
    """Compares the people whom composed statements name with the learners of their events."""
    standard = _require_standard(subject)
    for case in subject.cases:
        outcomes = subject.sample_outcomes[case.label]
        samples = [
            [sample.event, outcome["statements"]]
            for sample, outcome in zip(case.samples, outcomes, strict=True)
            if outcome.get("statements")
        ]
        faults = subject.process.ask("learner_faults", standard=standard, samples=samples)
        yield from (Finding(f"{case.event}: {fault}") for fault in sorted({*faults} - {""}))


@check(
    "standard.void",
    "What voids a statement is valid, the same each time, and has an id of its own for each id; no id is a ValueError.",
)
def check_void(subject: Subject) -> Iterable[Finding | Note]:
    """Voids composed statements twice, and texts that are no ids."""
    standard = _require_standard(subject)
    ids = sorted({statement["id"] for statement in _list_statements(subject)})[:MAX_VOIDED]
    answers, repeated = (subject.process.ask("void", standard=standard, ids=ids) for _ in range(2))
    if not any(answers):
        yield Note("the standard knows no voiding")
        return
    for answer in answers:
        if not isinstance(answer, list):
            fault = f"raises or returns {answer[1:]}" if answer else "returns None for some statements only"
            yield Finding(f"void {fault}")
            return
    if answers != repeated:
        yield Finding("void returns another statement for the same id: repeating it would void nothing twice")
    statements = [orjson.loads(content) for _, content in answers]
    if [identifier for identifier, _ in answers] != [statement.get("id") for statement in statements]:
        yield Finding("void returns an id that the statement does not have")
    if len({*ids, *(identifier for identifier, _ in answers)}) < 2 * len(ids):
        yield Finding("void returns ids that are not derived from the id that is voided")
    if any(_validate(subject, [content for _, content in answers])):
        yield Finding("void returns a statement that the schema refuses")
    for answer in subject.process.ask("void", standard=standard, ids=["", *NO_IDS]):
        if isinstance(answer, str) and answer != "!ValueError":
            yield Finding(f"void raises {answer[1:]} for a text that is no id: raise ValueError")
            return
    yield Note(f"{len(ids)} statements voided")


MAX_VOIDED = 100
"""Statements that are voided at most."""

NO_IDS = (MARKER.text, "x" * 20_000, "\x00", "é\ud7ff", "[]", "\n")


@check("standard.composed", "The statements that the standard composes are checked with an installed family.")
def check_composed(subject: Subject) -> Iterable[Finding | Note]:
    """Requires an installed family, because the other checks have no event without one."""
    standard = _require_standard(subject)
    if not subject.companions:
        yield Finding(
            f"no family for {standard} is installed, so no composed statement was checked: "
            "add one to the distribution, or install one"
        )
    elif not subject.cases:
        yield Finding(f"{', '.join(subject.companions)} maps no event, so no statement of {standard} was checked")
    for family in subject.companions:
        yield Note(f"with {family}")
