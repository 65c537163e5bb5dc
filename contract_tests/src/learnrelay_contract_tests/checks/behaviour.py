"""Behaviour: what a transformer must do whatever it is fed."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import orjson
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from hypothesis.errors import HypothesisException

from .. import differences, schemas
from ..declarations import Declared
from ..samples import Event, as_line, build, copy, malformed_paths, put, sent, take, value_for
from ..samples import malformed as malformed_events
from ..subject import FAILED, SKIPPED, TRANSFORMED, Case, Subject, Twin, outcome_of
from . import Finding, NotApplicableError, Note, check
from .privacy import LEARNERS_PATHS, cases_of, reached
from .source import flaws, place

TYPED = ("MissingFieldError", "InvalidFieldError")


def mappings_of(subject: Subject) -> list[Case]:
    """The cases of transformers. Raises NotApplicableError where there is none."""
    found = [case for case in cases_of(subject) if case.transformer != subject.name]
    if not found:
        raise NotApplicableError("it maps no events")
    return found


def told(outcome: dict[str, Any]) -> str:
    """An outcome in words."""
    error = outcome.get("error")
    kind = f" ({error[0]}{': ' + error[1] if error[1] else ''})" if error else ""
    return f"{outcome['state'].lower().replace('_', ' ')}{kind}: {outcome.get('reason', '')}".rstrip(": ")


def fault_of(outcome: dict[str, Any], transformer: str) -> str | None:
    """What is wrong with an outcome whatever the event was; None for a statement, a skip, a typed rejection."""
    state, error = outcome["state"], outcome.get("error")
    if state in (TRANSFORMED, SKIPPED):
        return None
    if state == FAILED and error is not None:
        code_raised = re.fullmatch(r".* raised \w+", outcome.get("reason", "")) and error[0] == "TransformError"
        return outcome["reason"] if code_raised else None
    return told(outcome)


@check(
    "samples.reach", "Every event that it maps comes through to a statement, so that all other checks check something."
)
def samples_reach(subject: Subject) -> Iterable[Finding | Note]:
    """The complete sample, and each sample that the plugin brings."""
    count = 0
    if {info.kind for info in subject.infos} == {"families"}:
        yield from _useless(subject)
    for case in cases_of(subject):
        outcomes = subject.base[case.about]
        count += sum(map(reached, outcomes))
        if not reached(outcomes[0]):
            reason = told(outcomes[0])
            yield Finding(
                f"the complete sample does not come through ({reason}): "
                "give the fields an example=, or the family samples=",
                case.about,
            )
        for sample, outcome in list(zip(case.samples, outcomes, strict=True))[len(case.samples) - case.given :]:
            if case.given and not reached(outcome):
                yield Finding(f"{sample.label} does not come through ({told(outcome)})", case.about)
    yield Note(f"{count:,} samples of {len(subject.cases)} events came through")


def _useless(subject: Subject) -> Iterable[Finding]:
    """A family without events, and samples that are none of its events."""
    if not any(case.transformer != subject.name for case in subject.cases):
        yield Finding("it maps no event")
    names = {case.event for case in subject.cases}
    for number, one in enumerate(subject.description["samples"].get(subject.name, ()), 1):
        if one is None:
            yield Finding(f"its sample {number} is no JSON object")
        elif not names & {one.get("name"), one.get("event_type")}:
            yield Finding(f"its sample {number} is of no event that it maps")


@check(
    "samples.lines",
    "Every line and both ways of every condition of the mappings run with some sample: what never runs is not checked.",
    since="0.2",
)
def samples_lines(subject: Subject) -> Iterable[Finding | Note]:
    """What a process that ran all samples, and all malformed ones, step by step has not seen."""
    if {info.kind for info in subject.infos} != {"families"}:
        raise NotApplicableError("it is no family")
    cure = "give the fields an example=, or the family samples="
    for one in subject.observed["unreached"]:
        yield Finding(f"{in_words(one)}: {cure}", path=place(subject, one["file"], one["line"]))
    yield Note(f"{len(subject.own_files)} files watched")


def in_words(one: dict[str, Any]) -> str:
    """What has not run: a function, a line, one way of a condition."""
    if one["what"] == "function":
        return f"{one['name']} is never called"
    lines = Path(one["file"]).read_bytes().splitlines()
    if one["what"] == "line":
        return f"no sample reaches `{lines[one['line'] - 1].decode().strip()}`"
    last = one["to"] if one["end"] == one["line"] else None
    return f"`{lines[one['line'] - 1][one['from'] : last].decode()}` decides the same way with every sample"


@check("behaviour.source-unchanged", "The source event is after the mapping what it was before.")
def source_unchanged(subject: Subject) -> Iterable[Finding | Note]:
    """All samples, each serialised before and after."""
    for case in cases_of(subject):
        ran = subject.run([sent(sample.event, "object") for sample in case.samples])
        for number in ran.changed[:1]:
            yield Finding(f"it changes the source event ({case.samples[number].label})", case.about)


@check(
    "behaviour.deterministic",
    "The same event gives the same bytes in every run, process, order, hash seed and time zone.",
)
def deterministic(subject: Subject) -> Iterable[Finding | Note]:
    """Two processes, the second with another hash seed and time zone, backwards."""
    cases = cases_of(subject)
    for case in reversed(cases):
        events = [sent(sample.event, "object") for sample in case.samples]
        there = subject.run(events[::-1], process=subject.witness[0]).outcomes[::-1]
        here = subject.run(events).outcomes
        again = subject.run(events).outcomes
        for sample, one, two, three in zip(case.samples, here, there, again, strict=True):
            three = next((text for text in (subject.early[id(sample)], three) if text != one), one)  # noqa: PLW2901
            if one != two or one != three:
                where = "the next time" if one != three else "in another process"
                difference = differences.first(one, three if one != three else two)
                yield Finding(f"the same event ({sample.label}) has another outcome {where}: {difference}", case.about)
                break
    meant = {(flaw.file, flaw.line): flaw.allowed for flaw in flaws(subject) if flaw.allowed and flaw.code == "LR110"}
    for what, where in subject.observed["asked"]:
        file, _, line = where.rpartition(":")
        at = place(subject, file, int(line))
        if reason := meant.get((file, int(line))):
            yield Note(f"{what}, allowed: {reason}", path=at)
        else:
            yield Finding(f"{what} ({at}): the outcome must depend on the event alone", path=at)


@check("behaviour.shapes", "Both shapes of an event, in-process and tracking-log line, give the same bytes.")
def shapes(subject: Subject) -> Iterable[Finding | Note]:
    """All samples, as object, as line, as line with its payload as text."""
    for case in cases_of(subject):
        for sample in case.samples:
            events = [sent(sample.event, "object"), sent(as_line(sample.event), "line")]
            outcomes = subject.run([*events, sent(as_line(sample.event, True), "line")]).outcomes
            if len(set(outcomes)) > 1:
                other = next(one for one in outcomes if one != outcomes[0])
                yield Finding(f"{sample.label}: {differences.first(outcomes[0], other)} in the other shape", case.about)
                break


@check("behaviour.valid", "Every statement is JSON and valid by the standard's own schema.")
def valid(subject: Subject) -> Iterable[Finding | Note]:
    """All samples, under each setting of the standard; the schema is asked in a process without the plugin."""
    for case in cases_of(subject):
        if found := _first_invalid(case, subject.base[case.about], {}):
            yield Finding(found, case.about)
    for words, standard, chosen in subject.variants():
        for case in (case for case in cases_of(subject) if case.standard == standard):
            texts = subject.run([sent(sample.event, "object") for sample in case.samples]).outcomes
            outcomes = [outcome_of(case, subject.parse(text)) for text in texts]
            if found := _first_invalid(case, outcomes, chosen):
                yield Finding(f"{words}: {found}", case.about)
            if outcomes[0]["state"] == SKIPPED:
                yield Note(f"{words}: the complete sample is skipped ({outcomes[0].get('reason', '')})", case.about)
        yield Note(f"{standard} {words} too")


def _first_invalid(case: Case, outcomes: Sequence[dict[str, Any]], settings: schemas.Settings) -> str:
    """The first sample of which no valid statement came, though it should; empty where there is none."""
    for sample, outcome in zip(case.samples, outcomes, strict=True):
        if outcome["state"] == "NO_JSON":
            return f"{sample.label}: {outcome['reason']}"
        if settings and (fault := fault_of(outcome, case.transformer)):
            return f"{sample.label}: {fault}"
        if problem := invalid(case.standard, outcome, settings):
            return f"{sample.label}: not valid by the schema of {case.standard}: {problem}"
    return ""


def invalid(standard: str, outcome: dict[str, Any], settings: schemas.Settings | None = None) -> str:
    """The first problem of an outcome's statements, as ``path: reason``; empty where there is none."""
    for problems in schemas.problems(standard, outcome.get("statements", []), settings):
        if problems:
            return _in_words(problems)
    return ""


def _in_words(problems: Any, path: str = "") -> str:
    if isinstance(problems, dict):
        key, inner = next(iter(problems.items()))
        return _in_words(inner, f"{path}.{key}" if path else str(key))
    return f"{path}: {problems[0] if isinstance(problems, list) and problems else problems}"


@check(
    "behaviour.ids",
    "Every statement has an id that the same event keeps, and that no statement has of another event, moment or "
    "learner, or that says another thing.",
)
def ids(subject: Subject) -> Iterable[Finding | Note]:
    """Over all samples: one id, one event. Who differs in what describes a thing only may share it, with a note."""
    known: dict[str, tuple[str, str]] = {}
    for case in mappings_of(subject):
        outcomes = dict(zip((sample.label for sample in case.samples), subject.base[case.about], strict=True))
        outcomes |= {label: outcome_of(case, subject.parse(text)) for label, text in _others(subject, case).items()}
        first: set[str] = set()
        for label, outcome in outcomes.items():
            texts = outcome.get("statements", [])
            own = [str(orjson.loads(text).get("id") or "") for text in texts]
            if not all(own):
                yield Finding(f"{label}: a statement without id", case.about, "id")
                break
            if len(set(own)) < len(own):
                yield Finding(f"{label}: two statements of one event have the same id", case.about, "id")
                break
            first = first or set(own)
            for identity, text in zip(own, texts, strict=True):
                before, event = known.setdefault(identity, (text, case.about))
                if before != text and (event != case.about or (label in OTHERS and identity in first)):
                    yield Finding(f"{label}: another event, another statement, the same id", case.about, "id")
                    break
                if before != text:
                    yield Note(f"{label}: another statement with the same id", case.about, "id")
        yield from _twins_with_one_id(subject, case)


def _twins_with_one_id(subject: Subject, case: Case) -> Iterable[Finding]:
    """The complete sample with one value a little different: another moment, another learner, another thing said."""
    events = {one.name for one in case.fields if WHO_AND_WHEN.intersection(one.paths)}
    own = {one.name for one in case.own}
    said: dict[str, Any] = {}
    for twin in (Twin("", None, subject.base[case.about][0]), *subject.twins[case.about]):
        for statement in map(orjson.loads, twin.outcome.get("statements", ())):
            before = said.setdefault(str(statement.get("id")), statement)
            another = twin.field in events or (twin.field in own and _says_another_thing(before, statement))
            if another and before != statement:
                place = differences.path(before, statement)
                words = f"another {twin.field} makes another statement ({place} differs) with the same id"
                yield Finding(f"{words}: a consumer keeps one of the two", case.about, "id")
                return


WHO_AND_WHEN = {"timestamp", "time", *LEARNERS_PATHS}
"""What tells one event from another, whatever else they say."""


def _says_another_thing(one: Any, other: Any, root: bool = True) -> bool:
    """Whether two statements differ in more than how they describe things that have an id of their own."""
    if isinstance(one, dict) and isinstance(other, dict) and one.keys() == other.keys():
        described = not root and "id" in one
        return not described and any(_says_another_thing(one[key], other[key], False) for key in one)
    if isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        return any(_says_another_thing(a, b, False) for a, b in zip(one, other, strict=True))
    return bool(one != other)


OTHERS = ("another object", "another learner and time")


def _others(subject: Subject, case: Case) -> dict[str, str]:
    """The complete sample with other values in the plugin's own fields, and in the other ones."""
    own = {path for one in case.own for path in one.paths}
    events = []
    for turned in (True, False):
        chosen = {
            one.name: (one.paths[0], value_for(one, int((one.paths[0] in own) is turned)))
            for one in case.fields
            if not one.is_key
        }
        events.append(sent(build(case.event, case.fields, chosen), "object"))
    return dict(zip(OTHERS, subject.run(events).outcomes, strict=True))


@check("behaviour.required-missing", "A required field that is missing is a MissingFieldError that names it.")
def required_missing(subject: Subject) -> Iterable[Finding | Note]:
    """Each required field in turn: absent, null, empty."""
    for case in mappings_of(subject):
        for one in case.fields:
            if not one.needed or one.is_key or one.paths == ("name",):
                continue
            events = []
            for value in (None, "", take):
                event = copy(case.samples[0].event)
                for path in one.paths:
                    take(event, path)
                    if value is not take:
                        put(event, path, value)
                events.append(sent(event, "object"))
            for text in dict.fromkeys(subject.run(events).outcomes):
                outcome = outcome_of(case, subject.parse(text))
                error = outcome.get("error") or ["", ""]
                if error[0] != "MissingFieldError" or error[1] not in _same_paths(case, one):
                    yield Finding(
                        f"without {one.paths[0]} the outcome is {told(outcome)}, not a MissingFieldError that names it",
                        case.about, one.paths[0],
                    )  # fmt: skip
                    break


def _same_paths(case: Case, declared: Declared) -> set[str]:
    """First paths of required fields that are missing together with this one."""
    gone = set(declared.paths)
    return {one.paths[0] for one in case.fields if one.needed and set(one.paths) & gone}


@check(
    "behaviour.optional-missing",
    "Without any optional field there is a valid statement, or a rejection that names what lacks.",
)
def optional_missing(subject: Subject) -> Iterable[Finding | Note]:
    """Each optional field left out, each alone, all left out."""
    for case in mappings_of(subject):
        by_name = {one.name: one for one in case.fields}
        for sample, outcome in zip(case.samples, subject.base[case.about], strict=True):
            if not sample.left_out:
                continue
            fault = fault_of(outcome, case.transformer)
            error = outcome.get("error")
            paths = {path for name in sample.left_out for path in by_name[name].paths}
            if fault is None and error is not None and (error[0] not in TYPED or error[1] not in paths):
                fault = told(outcome)
            if fault:
                yield Finding(f"{sample.label}: {fault}", case.about, by_name[sample.left_out[0]].paths[0])
                break


@check(
    "behaviour.malformed",
    "Whatever stands at the declared paths, the outcome is a valid statement, a skip or a typed rejection.",
)
def malformed(subject: Subject) -> Iterable[Finding | Note]:
    """Each path with each nasty value, then combinations that hypothesis finds and shrinks to a minimal event."""
    count = 0
    for case in cases_of(subject):
        tried = list(malformed_events(case.samples[0].event, case.fields))
        found = next(filter(None, (_fault(subject, case, [one]) for one in subject.base[case.about])), None)
        found = found or _first_fault(subject, case, tried)
        if found is None:
            found = _explored(subject, case, malformed_paths(case.fields))
        count += len(tried)
        if found is not None:
            yield Finding(found, case.about)
    yield Note(f"{count:,} malformed events tried")


def _first_fault(subject: Subject, case: Case, tried: list[tuple[tuple[str, Any], Event]]) -> str | None:
    texts = subject.run([sent(event, "object") for _, event in tried]).outcomes
    for text, numbers in _grouped(texts).items():
        fault = _fault(subject, case, subject.parse(text))
        if fault:
            path, value = tried[numbers[0]][0]
            shown = orjson.dumps(value).decode()
            return f"{path} = {shown if len(shown) < 60 else shown[:57] + '…'}: {fault}"
    return None


def _grouped(texts: list[str]) -> dict[str, list[int]]:
    groups: dict[str, list[int]] = {}
    for number, text in enumerate(texts):
        groups.setdefault(text, []).append(number)
    return groups


def _fault(subject: Subject, case: Case, outcomes: list[dict[str, Any]]) -> str | None:
    outcome = outcome_of(case, outcomes)
    fault = fault_of(outcome, case.transformer)
    if fault is None and outcome["state"] == TRANSFORMED:
        problem = invalid(case.standard, outcome)
        fault = f"not valid by the schema of {case.standard}: {problem}" if problem else None
    return fault


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("abcid_1", max_size=4), inner, max_size=3),
    max_leaves=4,
)  # fmt: skip


class _FaultyError(Exception):
    pass


def _explored(subject: Subject, case: Case, paths: list[str]) -> str | None:
    """Combinations of values; None, or the minimal event that shows a fault."""
    minimal: list[tuple[Event, str]] = []
    if not paths:
        return None
    kept = {one.name: (one.paths[0], value_for(one)) for one in case.fields if not one.is_key}

    @seed(subject.seed)
    @settings(
        max_examples=8 if subject.quick else 15, database=None, deadline=None, derandomize=False,
        phases=[Phase.generate, Phase.shrink], suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(st.lists(st.dictionaries(st.sampled_from(paths), _JSON, min_size=1, max_size=3), min_size=1, max_size=8))
    def explore(several: list[dict[str, Any]]) -> None:
        events = []
        for changes in several:
            event = build(case.event, case.fields, kept)
            for path, value in changes.items():
                put(event, path, value)
            events.append(event)
        texts = subject.run([sent(event, "object") for event in events]).outcomes
        for event, text in zip(events, texts, strict=True):
            if fault := _fault(subject, case, subject.parse(text)):
                minimal.append((event, fault))
                raise _FaultyError

    try:
        explore()
    except _FaultyError:
        event, fault = minimal[-1]
        return f"{fault}; a minimal event: {orjson.dumps(event).decode()}"
    except HypothesisException as error:
        return f"{type(error).__name__}: the plugin does not behave the same way twice"
    return None


@check("behaviour.threads", "Eight threads at once give the outcomes that one gives.")
def threads(subject: Subject) -> Iterable[Finding | Note]:
    """All samples of all cases, in eight different orders at once."""
    cases = cases_of(subject)
    pairs = [(case, sample) for case in cases for sample in case.samples[:6]]
    events = [sent(sample.event, "object") for _, sample in pairs]
    answer = subject.process.ask("threads", events=events)
    alone = subject.run(events).outcomes
    for number, (case, sample) in enumerate(pairs):
        if number in answer["different"] or answer["texts"][number] != alone[number]:
            yield Finding(f"{sample.label}: another outcome when threads share it", case.about)
            return
