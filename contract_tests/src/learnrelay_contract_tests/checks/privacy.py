"""Privacy: nothing of an event reaches an output but what is declared (ADR 7). These checks know no gap."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import orjson

from learnrelay.errors import UnreadableEventError
from learnrelay.events import SourceEvent, event_from_line

from .. import differences, leaks, names
from ..declarations import Declared, flat, projection
from ..host import KNOWN_LEARNERS, OTHER_SECRET, TWINS, DiedError
from ..samples import (
    FIRST_ENTRY,
    LEAST,
    Event,
    Marker,
    Sample,
    alterations,
    as_line,
    copy,
    marker_text,
    put,
    sent,
    with_markers,
)
from ..subject import TRANSFORMED, Case, Subject, outcome_of
from ..twins import crowd
from . import Finding, NotApplicableError, Note, check

WHOLE = ("data", "context")
COUNTS = ("boolean", "count", "integer", "number")
"""Kinds whose attribute may have any name: it is the source's name that counts."""

SHAPES = ("object", "line")
PER_EVENT = 3
"""Findings of one kind that one event may have: more of them say nothing new."""


def cases_of(subject: Subject) -> list[Case]:
    """The cases. Raises NotApplicableError where there is none."""
    if not subject.cases:
        raise NotApplicableError("it looks at no events")
    return subject.cases


def main_samples(case: Case) -> list[Sample]:
    """The complete sample, the one with required fields only, and the plugin's own."""
    given = case.samples[len(case.samples) - case.given :] if case.given else ()
    least = next((sample for sample in case.samples if sample.label == LEAST), case.samples[1])
    return [case.samples[0], least, *given[:3]]


def body_of(raw: Event, shape: str) -> Event | None:
    """An event's body as the core makes it; None where it is no event."""
    text = orjson.dumps(raw)
    try:
        return (event_from_line(text) if shape == "line" else SourceEvent(orjson.loads(text))).body
    except UnreadableEventError:
        return None


@check(
    "privacy.non-interference",
    "Altering, deleting or adding anything that is not declared leaves the outcome identical to the byte.",
    private=True,
)
def non_interference(subject: Subject) -> Iterable[Finding | Note]:
    """Every path of the main samples, both shapes, values of every type, added fields at every level."""
    tried = 0
    for case in cases_of(subject):
        found = 0
        for sample in main_samples(case):
            for shape in SHAPES:
                if found >= PER_EVENT:
                    break
                altered = altered_of(case, sample, shape)
                tried += len(altered)
                for finding in _influences(subject, case, altered, f"{shape} shape, {sample.label}"):
                    found += 1
                    yield finding
        yield from _below_declared(subject, case)
    yield Note(f"{tried:,} alterations tried")
    complete = {case.about: altered_of(case, case.samples[0], "object") for case in cases_of(subject)}
    for words, standard, _ in subject.variants():
        for case in (case for case in cases_of(subject) if case.standard == standard):
            yield from _influences(subject, case, complete[case.about], words)


Altered = list[tuple[str, list[Any]]]
"""(what is altered, event as it is sent); the first is the event as it was, full of undeclared fields."""


def altered_of(case: Case, sample: Sample, shape: str) -> Altered:
    """Every alteration of a sample that leaves alone what is declared."""
    noisy, _ = with_markers(sample.event, case.declared, f"noise {case.about}")
    raw = as_line(noisy) if shape == "line" else noisy
    plain = as_line(sample.event) if shape == "line" else sample.event
    body = body_of(raw, shape)
    assert body is not None
    seen = projection(body, case.fields)
    found = [("", sent(raw, shape)), ("without any undeclared field", sent(plain, shape))]
    for label, altered in alterations(raw):
        other = body_of(altered, shape)
        if other is not None and projection(other, case.fields) == seen:
            found.append((label, sent(altered, shape)))
    return found


def _influences(subject: Subject, case: Case, altered: Altered, words: str) -> Iterable[Finding]:
    """The first alterations that make a difference."""
    outcomes = subject.run([event for _, event in altered]).outcomes
    different = [
        (label, outcome) for (label, _), outcome in zip(altered, outcomes, strict=True) if outcome != outcomes[0]
    ]
    for label, outcome in different[:PER_EVENT]:
        path, _, what = label.rpartition(" ") if label.endswith(("deleted", "added")) else (
            label.split(" ")[0], "", label.partition(" ")[2])  # fmt: skip
        difference = differences.first(outcomes[0], outcome)
        yield Finding(
            f"what is not declared has an influence: {path or 'the event'} {what or label} ({words}), "
            f"and {difference}",
            case.about, path,
        )  # fmt: skip


def _below_declared(subject: Subject, case: Case) -> Iterable[Finding]:
    """Where no container is declared, what a container there holds must make no difference."""
    pairs: list[tuple[str, Event]] = []
    for path, one in flat(case.own):
        if one.digs:
            yield Finding(
                f"the kind of {path} tells objects or lists apart, though nothing below is declared: refuse them, "
                "or declare kind=scalars or structure and do the rest in the mapping",
                case.about, path,
            )  # fmt: skip
            return
    for path, one in flat(case.fields):
        if one.container or path == "name":
            continue
        for first, second in (({"a": "one"}, {"a": "other", "b": 2}), (["one"], ["other", 2])):
            for value in (first, second):
                event = copy(case.samples[0].event)
                put(event, path.replace("*", FIRST_ENTRY), value)
                pairs.append((path, event))
    outcomes = subject.run([sent(event, "object") for _, event in pairs]).outcomes
    for number in range(0, len(pairs), 2):
        if outcomes[number] != outcomes[number + 1]:
            path = pairs[number][0]
            difference = differences.first(outcomes[number], outcomes[number + 1])
            yield Finding(
                f"{path} is declared, what lies below it is not, and has an influence: {difference}", case.about, path
            )
            return


@check(
    "privacy.sentinels",
    "Personal markers in every undeclared field appear in no output: plain, changed, hashed, encoded, split or inside.",
    private=True,
)
def sentinels(subject: Subject) -> Iterable[Finding | Note]:
    """The same as non-interference, with the message one understands at once."""
    for case in cases_of(subject):
        events: list[list[Any]] = []
        planted: dict[str, Marker] = {}
        for sample in case.samples:
            noisy, markers = with_markers(sample.event, case.declared, f"markers {case.about}")
            planted |= {marker.path: marker for marker in markers}
            events += [sent(noisy, "object"), sent(as_line(noisy), "line"), sent(as_line(noisy, True), "line")]
        ran = subject.run(events)
        records = subject.run(events[:3], debug=True).records
        told: set[str] = set()
        for where, texts in (("the output", set(ran.outcomes)), ("a log record", {*ran.records, *records})):
            for marker, form in leaks.find(list(planted.values()), sorted(texts)):
                if marker.path not in told and len(told) < PER_EVENT:
                    told.add(marker.path)
                    yield Finding(f"{marker.path} is not declared, and is in {where} {form}", case.about, marker.path)


@check(
    "privacy.declared-names",
    "A declared field whose name or path resembles personal data has a written reason, and so has whatever is read "
    "as a whole structure.",
    private=True,
)
def declared_names(subject: Subject) -> Iterable[Finding | Note]:
    """Compares names and the parts of paths with a list, fuzzily."""
    declarations: dict[str, tuple[Declared, ...]] = {case.transformer: case.own for case in subject.cases}
    declarations |= {f"standard {name}": fields for name, fields in subject.standards.items() if name == subject.name}
    if not declarations:
        raise NotApplicableError("it declares no fields")
    told: set[tuple[str, str]] = set()
    for owner, fields in declarations.items():
        for one in (one for one in fields if one.entries is not None):
            path = one.paths[0]
            keys = any(inner.is_key for inner in one.entries or ())
            if path in WHOLE:
                yield Finding(f"{owner} reads all of {path}, entry by entry: declare the fields it needs", path=path)
            elif keys and names.of_path(path):
                yield Finding(
                    f"{owner} reads the keys of {path}, which resembles {names.of_path(path)}: a key has no reason; "
                    "read what the entries hold",
                    path=path,
                )  # fmt: skip
        for path, one in flat(fields):
            if not one.plain:
                yield Finding(
                    f"{owner} keeps its declaration in a class of an unusual kind: write a plain Fields class"
                )
                continue
            if (path, one.name) in told:
                continue
            told.add((path, one.name))
            by_path = None if path == "name" else names.of_path(path)
            plain = path == "name" or one.kind in COUNTS or names.is_about(path)
            by_name = None if plain or by_path else names.resembles(one.name)
            whole = one.kind == "structure"
            if whole and path in WHOLE:
                yield Finding(f"{owner} reads all of {path}: declare the fields that it needs", path=path)
            if not (by_path or by_name or whole):
                continue
            what = f"resembles {by_path}" if by_path else f"is called {one.name}, which resembles {by_name}"
            if not (by_path or by_name):
                what = "takes everything below it"
            if len(one.reason.strip()) < 10:
                yield Finding(f'{owner} reads {path}, which {what}: say why with reason="…"', path=path)
            else:
                yield Note(f"{path} {what}: {one.reason}", path=path)


@check(
    "privacy.learner",
    "Who the learner is, and the session, reach no output except as what the identity provider makes of them.",
    private=True,
)
def learner(subject: Subject) -> Iterable[Finding | Note]:
    """Markers in the personal fields that the standard declares for every event."""
    for case in cases_of(subject):
        own = {path for path, _ in flat(case.own)}
        markers, event = [], copy(case.samples[0].event)
        rng = subject.rng(f"learner {case.about}")
        for path, one in flat(case.fields):
            last = path.rpartition(".")[2]
            theirs = path in own and path not in LEARNERS_PATHS and path != SESSION
            if theirs or path == "name" or one.container or not names.resembles(last):
                continue
            text = marker_text(rng, "user_id" if last.endswith("id") else "name")
            if put(event, path, text):
                markers.append(Marker(path, text))
        ran = subject.run([sent(event, "object"), sent(as_line(event), "line")])
        for marker, form in leaks.find(markers, sorted(set(ran.outcomes))):
            yield Finding(f"{marker.path} is in the output {form}", case.about, marker.path)
    with subject.identified(**KNOWN_LEARNERS):
        for case in cases_of(subject):
            yield from _twins(subject, case)
    yield from _besides_the_provider(subject)


LEARNERS_PATHS = {
    "context.user_id": 0, "data.user_id": 0, "data.attempt_user_id": 0, "context.username": 1, "data.username": 1,
}  # fmt: skip
"""Where the platform names the learner → by id or by name: no reason makes these anything else."""
SESSION = "context.session"


def _twins(subject: Subject, case: Case) -> Iterable[Finding]:
    """Where the identity provider knows two ids, or two names, as one learner, the outcome is one."""
    paths = _paths_of(case)
    for which, (usual, other) in enumerate(TWINS):
        events = []
        for value in (usual, other):
            event = copy(case.samples[0].event)
            for path, kind in paths.items():
                if kind != A_SESSION:
                    put(event, path, value if kind == which else TWINS[kind][0])
            events.append(sent(event, "object"))
        usual_one, twin = subject.run(events).outcomes
        if usual_one != twin:
            path = next(path for path, kind in paths.items() if kind == which)
            difference = differences.first(usual_one, twin)
            yield Finding(
                f"the user's {('id', 'name')[which]} has an influence of its own, besides the learner whom the "
                f"identity provider makes of it: {difference}",
                case.about, path,
            )  # fmt: skip


def _paths_of(case: Case) -> dict[str, int]:
    """Declared paths of the learner's id (0), of the name (1) and of the session (2)."""
    own = {field.name for field in case.own}
    paths: dict[str, int] = {}
    for path, one in flat([field for field in case.fields if field.name not in own]):
        last = path.rpartition(".")[2]
        told = names.resembles(last)
        if told and not one.container and path != "name":
            paths[path] = A_SESSION if "session" in told else 0 if "id" in names.tokens(last) else 1
    known = {**LEARNERS_PATHS, SESSION: A_SESSION}
    return paths | {path: known[path] for path, _ in flat(case.own) if path in known}


A_SESSION = 2
OF_WHOM = ("user's id", "user's name", "session")
SEVERAL = 8
"""Learners and sessions, each longer than the one before: whatever is made of them differs for some."""


def _besides_the_provider(subject: Subject) -> Iterable[Finding]:
    """Whatever differs with the learner or the session must differ with the operator's secret too."""
    rng = subject.rng("besides")
    tried: list[tuple[Case, str, int]] = []
    events = []
    for case in subject.cases:
        paths = _paths_of(case)
        for which in sorted(set(paths.values())):
            tried.append((case, next(path for path, kind in paths.items() if kind == which), which))
            for size in range(1, SEVERAL + 1):
                event = copy(case.samples[0].event)
                number, digits = rng.randrange(10 ** (size - 1), 10**size), f"{rng.getrandbits(128):032x}"
                name = "".join(rng.choice("abcdefghijklmnopqrstuvwxyz") for _ in range(2 * size))
                for path in (path for path, kind in paths.items() if kind == which):
                    put(event, path, (number, name, digits[: 4 * size])[which])
                events.append(sent(event, "object"))
    texts = [subject.run(events).outcomes]
    with subject.identified(provider="keyed", secret=OTHER_SECRET):
        texts.append(subject.run(events).outcomes)
    ran = [[_leaves(subject.parse(text)) for text in outcomes] for outcomes in texts]
    for number, (case, path, which) in enumerate(tried):
        group = range(number * SEVERAL, (number + 1) * SEVERAL)
        for place in ran[0][group[0]]:
            told = [[outcomes[event].get(place) for event in group] for outcomes in ran]
            if told[0] == told[1] and any(one != told[0][0] for one in told[0]):
                yield Finding(
                    f"the {OF_WHOM[which]} has an influence of its own on {place}, besides what the identity provider "
                    "makes of it: it differs from one to the other, whatever the operator's secret",
                    case.about, path,
                )  # fmt: skip
                break


def _leaves(value: Any, path: str = "") -> dict[str, Any]:
    """Path → value of all that an outcome says; statements are read."""
    if path.endswith("statements") and isinstance(value, list):
        value = [orjson.loads(one) for one in value]
    pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    found = {key: leaf for name, inner in pairs for key, leaf in _leaves(inner, f"{path}.{name}".strip(".")).items()}
    return found if isinstance(value, dict | list) and value else {path: value}


_TAKE_ANY_TEXT = ("text", "scalar", "identifier", "strict_text", "strict_identifier", "structure")


def filled_with_markers(subject: Subject, case: Case, what: str) -> tuple[Event, list[Marker]]:
    """The complete sample with a marker in each declared field that takes any text."""
    event, markers = copy(case.samples[0].event), []
    rng = subject.rng(f"{what} {case.about}")
    for path, one in flat(case.fields):
        if "*" in path or one.examples or one.kind not in _TAKE_ANY_TEXT:
            continue
        if path.rpartition(".")[2] in ("course_id", "timestamp") or path == "name":
            continue
        text = marker_text(rng, "name")
        if put(event, path, text):
            markers.append(Marker(path, text))
    return event, markers


@check(
    "privacy.errors-and-logs",
    "No error, skip reason, denial or log record carries a value out of an event, declared or not.",
    private=True,
)
def errors_and_logs(subject: Subject) -> Iterable[Finding | Note]:
    """Markers in declared fields, as they should be and of wrong types, one field at a time and all together."""
    for case in cases_of(subject):
        event, markers = filled_with_markers(subject, case, "errors")
        events = [event]
        for path, _ in flat(case.fields):
            if "*" in path or path == "name":
                continue
            text = marker_text(subject.rng(f"wrong {case.about} {path}"), "name")
            markers.append(Marker(path, text))
            for wrong in (text, [text], {"a": text}, f"://{text}"):
                altered = copy(case.samples[0].event)
                put(altered, path, wrong)
                events.append(altered)
        ran = subject.run([sent(one, "object") for one in events], debug=True)
        told = [_without_statements(text) for text in sorted(set(ran.outcomes))]
        found = 0
        for where, texts in (("an error or reason", told), ("a log record", sorted(set(ran.records)))):
            for marker, form in leaks.find(markers, texts):
                found += 1
                if found <= PER_EVENT:
                    yield Finding(f"the value of {marker.path} is in {where} {form}", case.about, marker.path)


def _without_statements(text: str) -> str:
    outcomes: list[dict[str, Any]] = orjson.loads(text)
    return orjson.dumps([{k: v for k, v in one.items() if k != "statements"} for one in outcomes]).decode()


@check(
    "privacy.memory",
    "No event leaves a trace in the outcome of a later one.",
    private=True,
)
def memory(subject: Subject) -> Iterable[Finding | Note]:
    """Events full of markers, then others, in a process of its own; and each sample again and again."""
    cases = cases_of(subject)
    process = subject.witness[0]
    first, markers = [], []
    for case in cases:
        event, planted = filled_with_markers(subject, case, "memory")
        noisy, noise = with_markers(event, case.declared, f"memory noise {case.about}")
        first += [sent(noisy, "object")] * 3
        markers += [*planted, *noise]
    subject.run(first, process=process)
    texts: set[str] = set()
    for case in cases:
        samples = case.samples[:3]
        ran = subject.run([sent(sample.event, "object") for sample in samples] * 4, process=process)
        texts |= {*ran.outcomes, *ran.records}
        for number, text in enumerate(ran.outcomes):
            sample, expected = samples[number % len(samples)], subject.base[case.about][number % len(samples)]
            if outcome_of(case, subject.parse(text)) != expected:
                yield Finding(f"the same event ({sample.label}) has another outcome after other events", case.about)
                break
    for marker, form in list(leaks.find(markers, sorted(texts)))[:PER_EVENT]:
        yield Finding(f"{marker.path} of an earlier event is told {form}", path=marker.path)
    yield from _mixed_up(subject)


def _mixed_up(subject: Subject) -> Iterable[Finding]:
    """Twins before the samples in one new process, after them in another: whoever takes one for the other shows."""
    events: list[Event] = []
    numbers: dict[str, range] = {}
    for case in subject.cases:
        start = len(events)
        twins: dict[str, list[Any]] = {}
        for twin in subject.twins[case.about]:
            twins.setdefault(twin.field, []).append(twin.value)
        events += crowd(case.event, case.fields, twins)
        events += (sample.event for sample in (*case.samples[1:], case.samples[0]))
        numbers[case.about] = range(start, len(events))
    ran = []
    for order in (1, -1):
        with subject.elsewhere(subject.enabled()) as found:
            if found is None:
                raise DiedError("it does not work a second time")
            turned = [sent(event, "object") for event in events[::order]]
            ran.append(subject.run(turned, process=found[0]).outcomes[::order])
    for about, own in numbers.items():
        for number in own:
            if ran[0][number] != ran[1][number]:
                difference = differences.first(ran[0][number], ran[1][number])
                yield Finding(f"an event has another outcome after others that look like it: {difference}", about)
                break


def reached(outcome: dict[str, Any]) -> bool:
    """Whether a sample came through to a statement."""
    return outcome["state"] == TRANSFORMED and bool(outcome.get("statements"))
