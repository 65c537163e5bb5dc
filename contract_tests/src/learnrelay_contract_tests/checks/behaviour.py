"""Checks the behaviour of mappings for every kind of input."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import orjson

from learnrelay.privacy.samples import put

from .. import differences, schemas
from ..declarations import Declared, flat
from ..samples import A_LITERAL, LEAST, Event, as_line, build, copy, delete_path, malformed_paths, message_of, value_for
from ..samples import malformed as malformed_events
from ..subject import FAILED, SKIPPED, TRANSFORMED, Case, Subject, Twin, outcome_of
from . import Finding, NotApplicableError, Note, check
from .privacy import has_statement, require_cases
from .source import format_place, lint_flaws

TYPED_ERRORS = ("MissingFieldError", "InvalidFieldError")


def require_mapping_cases(subject: Subject) -> list[Case]:
    """Returns the cases of mappings. Raises NotApplicableError if there are none."""
    cases = [case for case in require_cases(subject) if case.transformer != subject.name]
    if not cases:
        raise NotApplicableError("the plugin maps no events")
    return cases


def describe_outcome(outcome: dict[str, Any]) -> str:
    """Describes an outcome in words."""
    error = outcome.get("error")
    kind = f" ({error[0]}{': ' + error[1] if error[1] else ''})" if error else ""
    return f"{outcome['state'].lower().replace('_', ' ')}{kind}: {outcome.get('reason', '')}".rstrip(": ")


def fault_of(outcome: dict[str, Any], transformer: str) -> str | None:
    """Returns what is wrong with an outcome for any event; None for a statement, a skip, a typed rejection."""
    state, error = outcome["state"], outcome.get("error")
    if state in (TRANSFORMED, SKIPPED):
        return None
    if state == FAILED and error is not None:
        is_of_code = re.fullmatch(r".* (raised|returned) \w+( .*)?", outcome.get("reason", ""))
        return outcome["reason"] if is_of_code and error[0] == "TransformError" else None
    return describe_outcome(outcome)


@check(
    "samples.reach",
    "Every mapped event is transformed into a statement, so that all other checks have something to check.",
    quick=True,
)
def check_samples_reach(subject: Subject) -> Iterable[Finding | Note]:
    """Tests the complete sample, and each sample of the plugin."""
    count = 0
    if {info.kind for info in subject.infos} == {"families"}:
        yield from _find_useless_samples(subject)
    for case in require_cases(subject):
        outcomes = subject.sample_outcomes[case.label]
        count += sum(map(has_statement, outcomes))
        for path, field in flat(case.own):
            if field.is_never_taken and not case.own_sample_count:
                yield Finding(
                    f"the kind of {path} takes no value of the samples: give it an example=", case.label, path
                )
        if not has_statement(outcomes[0]):
            reason = describe_outcome(outcomes[0])
            yield Finding(
                f"the complete sample gives no statement ({reason}): "
                "give the fields an example=, or the family samples=",
                case.label,
            )
        for sample, outcome in list(zip(case.samples, outcomes, strict=True))[
            len(case.samples) - case.own_sample_count :
        ]:
            if case.own_sample_count and not has_statement(outcome):
                yield Finding(f"{sample.label} gives no statement ({describe_outcome(outcome)})", case.label)
    yield Note(f"{count:,} samples of {len(subject.cases)} events give statements")


def _find_useless_samples(subject: Subject) -> Iterable[Finding]:
    """Finds a family without events, and samples that are not of its events."""
    if not any(case.transformer != subject.name for case in subject.cases):
        yield Finding("the family maps no event: decorate a function with @family.maps(…)")
    names = {case.event for case in subject.cases}
    is_open = any(case.is_any_event for case in subject.cases)
    for number, event in enumerate(subject.description["samples"].get(subject.name, ()), 1):
        if event is None:
            yield Finding(f"sample {number} of the family is not a JSON object")
        elif not is_open and not any(event.get(key) in names for key in subject.source.shape.name):
            yield Finding(f"sample {number} of the family is not of an event that the family maps")


@check(
    "samples.fields",
    "Every declared field reaches a statement of some mapping, or decides whether there is one, or what it says.",
    since="0.2",
    quick=True,
)
def check_samples_fields(subject: Subject) -> Iterable[Finding | Note]:
    """Reports fields that change no outcome under any setting, and from which the data map sees no flow.

    Where mappings share a declaration, one that needs the field is enough, be it one of another plugin.
    """
    unused: dict[str, dict[str, Declared]] = {}
    for case in require_mapping_cases(subject):
        if (fields := _find_idle_fields(case, subject.sample_outcomes[case.label])) and has_statement(
            subject.sample_outcomes[case.label][0]
        ):
            paths = set(subject.trace_unused_fields(case))
            unused[case.label] = {
                name: field
                for name, field in fields.items()
                if paths.issuperset(field.paths if field.entries is None else [f"{path}.*" for path in field.paths])
            }
    for _, cases, _ in subject.variants() if any(unused.values()) else ():
        for case in cases:
            if still := unused.get(case.label):
                texts = subject.run([message_of(sample.event, "object") for sample in case.samples]).outcomes
                idle = _find_idle_fields(case, [outcome_of(case, subject.parse(text)) for text in texts])
                unused[case.label] = {name: field for name, field in still.items() if name in idle}
    used = {
        (field.name, field.paths)
        for case in subject.cases
        for field in case.own
        if field.name not in unused.get(case.label, {})
    }
    for label, fields in unused.items():
        for name, field in fields.items():
            words = f"{name} ({field.paths[0]}) is read and reaches no statement"
            if (name, field.paths) in used:
                yield Note(f"{words}; other mappings need it", label, field.paths[0])
            elif len(subject.package.plugins) > 1 and name in subject.read_attributes:
                yield Note(f"{words}; perhaps another plugin of the package needs it", label, field.paths[0])
            else:
                yield Finding(f"{words}: put it out, or do not read it", label, field.paths[0])


def _find_idle_fields(case: Case, outcomes: Sequence[dict[str, Any]]) -> dict[str, Declared]:
    """Returns the plugin's own fields of which no other value and no absence changes the outcome of a sample."""
    by_label = {sample.label: outcome for sample, outcome in zip(case.samples, outcomes, strict=True)}
    complete, least = by_label.get("complete"), by_label.get(LEAST)
    idle = {}
    for field in case.own:
        if field.is_key or field.paths == ("name",):
            continue
        others = (f"another {field.name} (", f"{field.name}{A_LITERAL}")
        altered = [
            outcome
            for label, outcome in by_label.items()
            if label.startswith(others) or label == f"without {field.name}"
        ]
        is_used = any(outcome != complete for outcome in altered)
        alone = [outcome for label, outcome in by_label.items() if label.startswith(f"{field.name} alone")]
        if not is_used and all(outcome == least for outcome in alone) and altered:
            idle[field.name] = field
    return idle


@check(
    "samples.lines",
    "Every line and both branches of every condition of the mappings run with some sample.",
    since="0.2",
)
def check_samples_lines(subject: Subject) -> Iterable[Finding | Note]:
    """Reports what did not run in a process that traced all samples, and all malformed ones."""
    if {info.kind for info in subject.infos} != {"families"}:
        raise NotApplicableError("the plugin is not a family")
    if subject.infos[0].file and len(subject.package.plugins) > 1:
        raise NotApplicableError("other plugins are in the same file: a file of its own is traced")
    cure = "give the fields an example=, or the family samples="
    for gap in subject.trace_findings["unreached"]:
        yield Finding(f"{describe_gap(gap)}: {cure}", path=format_place(subject, gap["file"], gap["line"]))
    yield Note(f"{len(subject.own_files)} files traced")


def describe_gap(gap: dict[str, Any]) -> str:
    """Describes what has not run: a function, a line, one branch of a condition."""
    if gap["what"] == "function":
        return f"{gap['name']} is never called"
    lines = Path(gap["file"]).read_bytes().splitlines()
    if gap["what"] == "line":
        return f"no sample reaches `{lines[gap['line'] - 1].decode().strip()}`"
    last = gap["to"] if gap["end"] == gap["line"] else None
    return f"`{lines[gap['line'] - 1][gap['from'] : last].decode()}` decides the same way with every sample"


@check("behaviour.source-unchanged", "The mapping does not change the source event.", quick=True)
def check_source_unchanged(subject: Subject) -> Iterable[Finding | Note]:
    """Compares all samples, serialized before and after."""
    for case in require_cases(subject):
        output = subject.run([message_of(sample.event, "object") for sample in case.samples])
        for number in output.changed[:1]:
            yield Finding(f"the plugin changes the source event ({case.samples[number].label})", case.label)


@check(
    "behaviour.deterministic",
    "The same event gives the same bytes in every run, process, order, hash seed and time zone.",
)
def check_deterministic(subject: Subject) -> Iterable[Finding | Note]:
    """Compares two processes; the second one has another hash seed and time zone, and runs backwards."""
    cases = require_cases(subject)
    for case in reversed(cases):
        events = [message_of(sample.event, "object") for sample in case.samples]
        elsewhere = subject.run(events[::-1], process=subject.second_process[0]).outcomes[::-1]
        outcomes = subject.run(events).outcomes
        repetitions = subject.run(events).outcomes
        for sample, first, other, repeated in zip(case.samples, outcomes, elsewhere, repetitions, strict=True):
            repeated = next((text for text in (subject.first_outcomes[id(sample)], repeated) if text != first), first)  # noqa: PLW2901
            if first != other or first != repeated:
                where = "the next time" if first != repeated else "in another process"
                difference = differences.describe_first(first, repeated if first != repeated else other)
                yield Finding(f"the same event ({sample.label}) has another outcome {where}: {difference}", case.label)
                break
    allowed_calls = {
        (flaw.file, flaw.line): flaw.allowed for flaw in lint_flaws(subject) if flaw.allowed and flaw.code == "LR110"
    }
    for what, where in subject.trace_findings["impure_calls"]:
        file, _, line = where.rpartition(":")
        at = format_place(subject, file, int(line))
        if reason := allowed_calls.get((file, int(line))):
            yield Note(f"{what}, allowed: {reason}", path=at)
        else:
            yield Finding(f"the code {what} ({at}): the outcome must depend on the event alone", path=at)


@check(
    "behaviour.shapes", "Both shapes of an event, as an object and as a line of a log, give the same bytes.", quick=True
)
def check_shapes(subject: Subject) -> Iterable[Finding | Note]:
    """Compares all samples as object, as line, and as line with its payload as text."""
    for case in require_cases(subject):
        for sample in case.samples:
            lines = [as_line(sample.event, subject.source.shape, as_text) for as_text in (False, True)]
            events = [message_of(sample.event, "object"), *(message_of(line, "line") for line in lines)]
            outcomes = subject.run(events).outcomes
            if len(set(outcomes)) > 1:
                other = next(outcome for outcome in outcomes if outcome != outcomes[0])
                yield Finding(
                    f"{sample.label}: {differences.describe_first(outcomes[0], other)} in the other shape", case.label
                )
                break


@check(
    "behaviour.valid",
    "Every statement is JSON and valid by the standard's schema, whatever the platform's address and courses' titles.",
    quick=True,
)
def check_valid(subject: Subject) -> Iterable[Finding | Note]:
    """Validates all samples under each setting of the standard, in a process without the plugin."""
    for case in require_cases(subject):
        if fault := _first_invalid_sample(case, subject.sample_outcomes[case.label], {}):
            yield Finding(fault, case.label)
    for words in subject.other_platforms():
        for case in subject.cases:
            first = replace(case, samples=case.samples[:1])
            texts = subject.run([message_of(first.samples[0].event, "object")]).outcomes
            if fault := _first_invalid_sample(first, [outcome_of(case, subject.parse(texts[0]))], {}, is_variant=True):
                yield Finding(f"{words}: {fault}", case.label)
    for words, cases, chosen in subject.variants():
        for case in cases:
            texts = subject.run([message_of(sample.event, "object") for sample in case.samples]).outcomes
            outcomes = [outcome_of(case, subject.parse(text)) for text in texts]
            if fault := _first_invalid_sample(case, outcomes, chosen, is_variant=True):
                yield Finding(f"{words}: {fault}", case.label)
            if outcomes[0]["state"] == SKIPPED:
                yield Note(f"{words}: the complete sample is skipped ({outcomes[0].get('reason', '')})", case.label)
        yield Note(f"{', '.join(sorted({case.standard for case in cases}))} checked {words} too")


def _first_invalid_sample(
    case: Case, outcomes: Sequence[dict[str, Any]], settings: schemas.Settings, is_variant: bool = False
) -> str:
    """Describes the first sample that gives no valid statement; empty if there is none."""
    for sample, outcome in zip(case.samples, outcomes, strict=True):
        if outcome["state"] == "NO_JSON":
            return f"{sample.label}: {outcome['reason']}"
        if is_variant and (fault := fault_of(outcome, case.transformer)):
            return f"{sample.label}: {fault}"
        if problem := first_problem(case.standard, outcome, settings):
            return f"{sample.label}: not valid by the schema of {case.standard}: {problem}"
    return ""


def first_problem(standard: str, outcome: dict[str, Any], settings: schemas.Settings | None = None) -> str:
    """Returns the first problem of an outcome's statements, as ``path: reason``; empty if there is none."""
    for problems in schemas.find_problems(standard, outcome.get("statements", []), settings):
        if problems:
            return format_problems(problems)
    return ""


def format_problems(problems: Any, path: str = "") -> str:
    if isinstance(problems, dict):
        key, inner = next(iter(problems.items()))
        return format_problems(inner, f"{path}.{key}" if path else str(key))
    return f"{path}: {problems[0] if isinstance(problems, list) and problems else problems}"


@check(
    "behaviour.ids",
    "Every statement has an id that is the same for the same event, and that no statement of another event, moment or "
    "learner has, and none with other content.",
)
def check_ids(subject: Subject) -> Iterable[Finding | Note]:
    """Compares ids over all samples. Statements that differ only in descriptions may share an id, with a note."""
    known: dict[str, tuple[str, str]] = {}
    for case in require_mapping_cases(subject):
        outcomes = dict(
            zip((sample.label for sample in case.samples), subject.sample_outcomes[case.label], strict=True)
        )
        outcomes |= {
            label: outcome_of(case, subject.parse(text)) for label, text in _other_outcomes(subject, case).items()
        }
        first: set[str] = set()
        for label, outcome in outcomes.items():
            texts = outcome.get("statements", [])
            own = [str(orjson.loads(text).get("id") or "") for text in texts]
            if not all(own):
                yield Finding(f"{label}: a statement has no id", case.label, "id")
                break
            if len(set(own)) < len(own):
                yield Finding(f"{label}: two statements of one event have the same id", case.label, "id")
                break
            first = first or set(own)
            for identity, text in zip(own, texts, strict=True):
                before, event = known.setdefault(identity, (text, case.label))
                if before != text and (event != case.label or (label in OTHER_LABELS and identity in first)):
                    yield Finding(f"{label}: another event with another statement has the same id", case.label, "id")
                    break
                if before != text:
                    yield Note(f"{label}: another statement has the same id", case.label, "id")
        yield from _find_twins_with_one_id(subject, case)


def _find_twins_with_one_id(subject: Subject, case: Case) -> Iterable[Finding]:
    """Finds a twin of the complete sample (another moment, learner, value) whose statement has the same id."""
    who_and_when = {*subject.source.time_paths, *subject.source.user_paths}
    events = {field.name for field in case.fields if who_and_when.issuperset(field.paths)}
    own = {field.name for field in case.own}
    statements: dict[str, Any] = {}
    for twin in (Twin("", None, subject.sample_outcomes[case.label][0]), *subject.twins[case.label]):
        for statement in map(orjson.loads, twin.outcome.get("statements", ())):
            before = statements.setdefault(str(statement.get("id")), statement)
            another = twin.field in events or (twin.field in own and _differs_in_content(before, statement))
            if another and before != statement:
                path = differences.find_path(before, statement)
                words = f"another {twin.field} gives another statement ({path} differs) with the same id"
                yield Finding(f"{words}: a consumer keeps only one of them", case.label, "id")
                return


def _differs_in_content(first: Any, second: Any, root: bool = True) -> bool:
    """Tells whether two statements differ in more than the descriptions of things that have an id of their own."""
    if isinstance(first, dict) and isinstance(second, dict) and first.keys() == second.keys():
        described = not root and "id" in first
        return not described and any(_differs_in_content(first[key], second[key], False) for key in first)
    if isinstance(first, list) and isinstance(second, list) and len(first) == len(second):
        return any(_differs_in_content(a, b, False) for a, b in zip(first, second, strict=True))
    return bool(first != second)


OTHER_LABELS = ("another object", "another learner and time")


def _other_outcomes(subject: Subject, case: Case) -> dict[str, str]:
    """Runs the complete sample with other values in the plugin's own fields, and in the other fields."""
    own = {path for field in case.own for path in field.paths}
    events = []
    for turned in (True, False):
        chosen = {
            field.name: (field.paths[0], value_for(field, int((field.paths[0] in own) is turned)))
            for field in case.fields
            if not field.is_key
        }
        events.append(message_of(build(case.event, case.fields, chosen), "object"))
    return dict(zip(OTHER_LABELS, subject.run(events).outcomes, strict=True))


@check("behaviour.required-missing", "A missing required field raises a MissingFieldError that names it.", quick=True)
def check_required_missing(subject: Subject) -> Iterable[Finding | Note]:
    """Tests each required field in turn: absent, null, empty."""
    for case in require_mapping_cases(subject):
        for field in case.fields:
            if not field.needed or field.is_key or field.paths == ("name",):
                continue
            events = []
            for value in (None, "", delete_path):
                event = copy(case.samples[0].event)
                for path in field.paths:
                    delete_path(event, path)
                    if value is not delete_path:
                        put(event, path, value)
                events.append(message_of(event, "object"))
            for text in dict.fromkeys(subject.run(events).outcomes):
                outcome = outcome_of(case, subject.parse(text))
                error = outcome.get("error") or ["", ""]
                if error[0] != "MissingFieldError" or error[1] not in _same_paths(case, field):
                    yield Finding(
                        f"without {field.paths[0]} the outcome is {describe_outcome(outcome)}, "
                        "not a MissingFieldError that names it",
                        case.label, field.paths[0],
                    )  # fmt: skip
                    break


def _same_paths(case: Case, declared: Declared) -> set[str]:
    """Returns the first paths of required fields that are missing together with this one."""
    gone = set(declared.paths)
    return {field.paths[0] for field in case.fields if field.needed and set(field.paths) & gone}


@check(
    "behaviour.optional-missing",
    "Without optional fields the outcome is a valid statement, or a rejection that names what is missing.",
    quick=True,
)
def check_optional_missing(subject: Subject) -> Iterable[Finding | Note]:
    """Tests each optional field left out, each alone, all left out."""
    for case in require_mapping_cases(subject):
        by_name = {field.name: field for field in case.fields}
        for sample, outcome in zip(case.samples, subject.sample_outcomes[case.label], strict=True):
            if not sample.left_out:
                continue
            fault = fault_of(outcome, case.transformer)
            error = outcome.get("error")
            paths = {path for name in sample.left_out for path in by_name[name].paths}
            if fault is None and error is not None and (error[0] not in TYPED_ERRORS or error[1] not in paths):
                fault = describe_outcome(outcome)
            if fault:
                yield Finding(f"{sample.label}: {fault}", case.label, by_name[sample.left_out[0]].paths[0])
                break


@check(
    "behaviour.malformed",
    "For any value at the declared paths, the outcome is a valid statement, a skip or a typed rejection.",
)
def check_malformed(subject: Subject) -> Iterable[Finding | Note]:
    """Tests each path with each malformed value, then combinations that hypothesis finds and shrinks."""
    count = 0
    for case in require_cases(subject):
        tried = list(malformed_events(case.samples[0].event, case.fields))
        fault = next(
            filter(None, (_find_fault(subject, case, [outcome]) for outcome in subject.sample_outcomes[case.label])),
            None,
        )
        fault = fault or _find_first_fault(subject, case, tried)
        if fault is None:
            from ..random_events import explore_combinations

            fault = explore_combinations(
                subject, case, malformed_paths(case.fields), partial(_find_fault, subject, case)
            )
        count += len(tried)
        if fault is not None:
            yield Finding(fault, case.label)
    yield Note(f"{count:,} malformed events tested")


def _find_first_fault(subject: Subject, case: Case, tried: list[tuple[tuple[str, Any], Event]]) -> str | None:
    texts = subject.run([message_of(event, "object") for _, event in tried]).outcomes
    for text, numbers in _group_by_text(texts).items():
        fault = _find_fault(subject, case, subject.parse(text))
        if fault:
            path, value = tried[numbers[0]][0]
            shown = orjson.dumps(value).decode()
            return f"{path} = {shown if len(shown) < 60 else shown[:57] + '…'}: {fault}"
    return None


def _group_by_text(texts: list[str]) -> dict[str, list[int]]:
    groups: dict[str, list[int]] = {}
    for number, text in enumerate(texts):
        groups.setdefault(text, []).append(number)
    return groups


def _find_fault(subject: Subject, case: Case, outcomes: list[dict[str, Any]]) -> str | None:
    outcome = outcome_of(case, outcomes)
    fault = fault_of(outcome, case.transformer)
    if fault is None and outcome["state"] == TRANSFORMED:
        problem = first_problem(case.standard, outcome)
        fault = f"not valid by the schema of {case.standard}: {problem}" if problem else None
    return fault


@check("behaviour.threads", "Eight threads at once give the same outcomes as one thread.")
def check_threads(subject: Subject) -> Iterable[Finding | Note]:
    """Runs all samples of all cases in eight different orders at once."""
    cases = require_cases(subject)
    pairs = [(case, sample) for case in cases for sample in case.samples[:6]]
    events = [message_of(sample.event, "object") for _, sample in pairs]
    answer = subject.process.ask("run_in_threads", events=events)
    alone = subject.run(events).outcomes
    for number, (case, sample) in enumerate(pairs):
        if number in answer["different"] or answer["texts"][number] != alone[number]:
            yield Finding(f"{sample.label}: another outcome when several threads run the plugin", case.label)
            return
