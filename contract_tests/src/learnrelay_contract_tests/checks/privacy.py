"""Checks privacy: only declared data of an event reaches an output (ADR 7). These checks accept no gap."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import orjson

from learnrelay.fields import value_at
from learnrelay.pipeline.source_texts import NO_CONSTANT
from learnrelay.privacy import names
from learnrelay.privacy.samples import put

from .. import differences, leaks
from ..declarations import Declared, flat, projection
from ..host import KNOWN_LEARNERS, LEARNER_ALIASES, OTHER_SECRET, SECRETS_OF_ENVIRONMENT, PluginProcessError
from ..inside.text_probes import altered_examples, gives_mark_alone, mark_names, names_taken, texts_that_hold
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
    message_of,
    with_markers,
)
from ..source_description import BY_ID
from ..subject import TRANSFORMED, Case, Subject, outcome_of
from ..twins import many_field_twins
from . import Finding, NotApplicableError, Note, check

WHOLE_CONTAINERS = ("data", "context")
KINDS_OF_ANY_NAME = ("boolean", "count", "integer", "number")
"""Kinds whose attribute may have any name: only the name in the source event counts."""

SHAPES = ("object", "line")
MAX_FINDINGS_PER_EVENT = 3
"""Findings of one kind that one event may have: more of them add no information."""


def require_cases(subject: Subject) -> list[Case]:
    """Returns the cases. Raises NotApplicableError if there are none."""
    if not subject.cases:
        raise NotApplicableError("the plugin handles no events")
    return subject.cases


def main_samples(case: Case) -> list[Sample]:
    """Returns the complete sample, the sample with required fields only, and up to three samples of the plugin."""
    given = case.samples[len(case.samples) - case.own_sample_count :] if case.own_sample_count else ()
    least = next((sample for sample in case.samples if sample.label == LEAST), case.samples[1])
    return [case.samples[0], least, *given[:3]]


@check(
    "privacy.non-interference",
    "Altering, deleting or adding undeclared data leaves the outcome identical to the byte.",
    private=True,
    quick=True,
)
def check_non_interference(subject: Subject) -> Iterable[Finding | Note]:
    """Alters every path of the main samples, in both shapes, with values of every type and added fields."""
    tried = 0
    mappings: set[str] = set()
    for case in require_cases(subject):
        count = 0
        for sample in main_samples(case)[: 1 if subject.defaults_only else None]:
            for shape in SHAPES[: 1 if subject.defaults_only else None]:
                if count >= MAX_FINDINGS_PER_EVENT:
                    break
                altered = list_alterations(subject, case, sample, shape)
                tried += len(altered)
                for finding in _find_influences(subject, case, altered, f"{shape} shape, {sample.label}"):
                    count += 1
                    yield finding
        yield from _check_below_declared(subject, case)
        if case.transformer not in mappings:  # one may map several events
            mappings.add(case.transformer)
            yield from _find_values_out_of_texts(subject, case)
    yield Note(f"{tried:,} alterations tested")
    if subject.defaults_only:
        return
    complete = {id(case): list_alterations(subject, case, case.samples[0], "object") for case in require_cases(subject)}
    for variant, cases, _ in subject.variants():
        for case in cases:  # of its own, where the setting changes what is read
            altered = complete.get(id(case)) or list_alterations(subject, case, case.samples[0], "object")
            yield from _find_influences(subject, case, altered, variant)


Alterations = list[tuple[str, list[Any]]]
"""(what is altered, event as it is sent); the first is the unaltered event with noise in undeclared fields."""


def list_alterations(subject: Subject, case: Case, sample: Sample, shape: str) -> Alterations:
    """Lists every alteration of a sample that leaves declared data as it is."""
    raw_shape = subject.source.shape
    noisy, _ = with_markers(sample.event, case.declared, f"noise {case.label}", raw_shape)
    raw = as_line(noisy, raw_shape) if shape == "line" else noisy
    plain = as_line(sample.event, raw_shape) if shape == "line" else sample.event
    altered = [(label, message_of(event, shape)) for label, event in alterations(raw)]
    body, *bodies = subject.read_bodies([message_of(raw, shape), *(event for _, event in altered)])
    assert body is not None
    seen = projection(body, case.fields)
    return [
        ("", message_of(raw, shape)),
        ("without any undeclared field", message_of(plain, shape)),
        *(
            (label, event)
            for (label, event), other in zip(altered, bodies, strict=True)
            if other is not None and projection(other, case.fields) == seen
        ),
    ]


def _find_influences(subject: Subject, case: Case, altered: Alterations, words: str) -> Iterable[Finding]:
    """Yields the first alterations that change the outcome."""
    outcomes = subject.run([event for _, event in altered]).outcomes
    different = [
        (label, outcome) for (label, _), outcome in zip(altered, outcomes, strict=True) if outcome != outcomes[0]
    ]
    for label, outcome in different[:MAX_FINDINGS_PER_EVENT]:
        path, _, what = label.rpartition(" ") if label.endswith(("deleted", "added")) else (
            label.split(" ")[0], "", label.partition(" ")[2])  # fmt: skip
        difference = differences.describe_first(outcomes[0], outcome)
        yield Finding(
            f"undeclared data changes the outcome: {path or 'the event'} {what or label} ({words}), "
            f"and {difference}",
            case.label, path,
        )  # fmt: skip


def _check_below_declared(subject: Subject, case: Case) -> Iterable[Finding]:
    """Tests that the contents of a container make no difference where no container is declared."""
    pairs: list[tuple[str, Event]] = []
    for path, field in flat(case.own):
        if field.digs:
            yield Finding(
                f"the kind of {path} reads what is in objects or lists, which is undeclared: refuse them, "
                "or declare kind=scalars or kind=structure and process the value in the mapping",
                case.label, path,
            )  # fmt: skip
            return
        if field.reads_within:
            yield Finding(
                f"the kind of {path} takes values out of a text, where they are undeclared: declare each of them, such "
                f'as optional("{path}|json.NAME"), or "|form.NAME", or "|query.NAME"',
                case.label, path,
            )  # fmt: skip
            return
    for path, field in flat(case.fields):
        if field.container or path == "name":
            continue
        for first, second in (({"a": "one"}, {"a": "other", "b": 2}), (["one"], ["other", 2])):
            for value in (first, second):
                event = copy(case.samples[0].event)
                put(event, path.replace("*", FIRST_ENTRY), value)
                pairs.append((path, event))
    outcomes = subject.run([message_of(event, "object") for _, event in pairs]).outcomes
    for number in range(0, len(pairs), 2):
        if outcomes[number] != outcomes[number + 1]:
            path = pairs[number][0]
            difference = differences.describe_first(outcomes[number], outcomes[number + 1])
            yield Finding(
                f"undeclared data below the declared path {path} changes the outcome: {difference}", case.label, path
            )
            return


def _find_values_out_of_texts(subject: Subject, case: Case) -> Iterable[Finding]:
    """Tests that the mapping takes no single value out of a declared text that holds several."""
    tried: list[tuple[str, dict[str, int], tuple[str, str]]] = []
    events: list[Any] = []
    for path, field in flat(case.own):
        if field.kind in (*_TAKE_ANY_TEXT, "custom"):
            own = case.samples[len(case.samples) - case.own_sample_count :]
            examples = [*field.examples, *(value_at(sample.event, path) for sample in own)]
            marks = mark_names(examples, subject.texts)
            pairs = [(marks, pair) for pair in texts_that_hold(marks)]
            for marks_of_pair, pair in [*pairs, *(({}, pair) for pair in altered_examples(examples))]:
                both = [copy(case.samples[0].event) for _ in pair]
                if all(
                    put(event, path.replace("*", FIRST_ENTRY), text) for event, text in zip(both, pair, strict=True)
                ):
                    tried.append((path, marks_of_pair, pair))
                    events += both
    texts = subject.run([message_of(event, "object") for event in events]).outcomes
    outcomes = iter([_values_of(subject.parse(text)) for text in texts])
    for path, marks, pair in tried:
        made = next(outcomes), next(outcomes)
        is_example_taken = not marks and all(map(gives_mark_alone, made, pair))
        if is_example_taken or names_taken(*made, marks):
            yield Finding(
                f"the mapping takes values out of the text {path}, where they are undeclared: declare each of them, "
                f'such as optional("{path}|json.NAME"), or "|form.NAME", or "|query.NAME"',
                case.label, path,
            )  # fmt: skip
            return


def _values_of(outcome: Any) -> str:
    """Returns the values of an outcome without the names under which they stand there."""
    return " beside ".join(map(str, _leaves(outcome).values()))


@check(
    "privacy.sentinels",
    "Personal markers in undeclared fields appear in no output: plain, changed, hashed, encoded, split or in part.",
    private=True,
    quick=True,
)
def check_sentinels(subject: Subject) -> Iterable[Finding | Note]:
    """Plants personal markers in every undeclared field and searches outputs and log records for them."""
    for case in require_cases(subject):
        events: list[list[Any]] = []
        planted: dict[str, Marker] = {}
        for sample in case.samples:
            noisy, markers = with_markers(sample.event, case.declared, f"markers {case.label}", subject.source.shape)
            planted |= {marker.path: marker for marker in markers}
            shape = subject.source.shape
            events += [message_of(noisy, "object"), message_of(as_line(noisy, shape), "line")]
            events.append(message_of(as_line(noisy, shape, True), "line"))
        output = subject.run(events)
        records = subject.run(events[:3], debug=True).records
        reported: set[str] = set()
        for where, texts in (("the output", set(output.outcomes)), ("a log record", {*output.records, *records})):
            secrets = [Marker(f"environment variable {name}", text) for name, text in SECRETS_OF_ENVIRONMENT.items()]
            for marker, form in leaks.find_markers([*planted.values(), *secrets], sorted(texts)):
                if marker.path not in reported and len(reported) < MAX_FINDINGS_PER_EVENT:
                    reported.add(marker.path)
                    yield Finding(f"the undeclared {marker.path} appears in {where} {form}", case.label, marker.path)


@check(
    "privacy.declared-names",
    "Each declared field that resembles personal data by name or path, or reads a whole structure, has a reason.",
    private=True,
    quick=True,
)
def check_declared_names(subject: Subject) -> Iterable[Finding | Note]:
    """Compares names and the parts of paths with a list of personal names, by likeness."""
    declarations: dict[str, tuple[Declared, ...]] = {case.transformer: case.own for case in subject.cases}
    if subject.is_source:
        declarations[f"source {subject.name}"] = subject.source.facts
    if not declarations:
        raise NotApplicableError("the plugin declares no fields")
    reported: set[tuple[str, str]] = set()
    for owner, fields in declarations.items():
        for field in (field for field in fields if field.entries is not None):
            path = field.paths[0]
            keys = any(inner.is_key for inner in field.entries or ())
            if path in WHOLE_CONTAINERS:
                yield Finding(f"{owner} reads all of {path}, entry by entry: declare the fields it needs", path=path)
            elif keys and (personal := subject.source.personal_name(path)):
                yield Finding(
                    f"{owner} reads the keys of {path}, which resembles {personal}: a key cannot have a "
                    "reason, so read the values of the entries instead",
                    path=path,
                )  # fmt: skip
        for path, field in flat(fields):
            if not field.plain:
                yield Finding(f"{owner} declares its fields in an unusual class: write a plain subclass of Fields")
                continue
            if (path, field.name) in reported:
                continue
            reported.add((path, field.name))
            by_path = subject.source.personal_name(path)
            plain = path == "name" or field.kind in KINDS_OF_ANY_NAME or names.is_about(path)
            by_name = None if plain or by_path else names.resembles(field.name)
            whole = field.kind == "structure"
            if whole and path in WHOLE_CONTAINERS:
                yield Finding(f"{owner} reads all of {path}: declare the fields that it needs", path=path)
            if not (by_path or by_name or whole):
                continue
            what = f"resembles {by_path}" if by_path else f"is called {field.name}, which resembles {by_name}"
            if not (by_path or by_name):
                what = "takes everything below it"
            if len(field.reason.strip()) < 10:
                yield Finding(f'{owner} reads {path}, which {what}: say why with reason="…"', path=path)
            else:
                yield Note(f"{path} {what}: {field.reason}", path=path)


@check(
    "privacy.learner",
    "The learner and the session reach outputs only as pseudonyms and digests of the identity provider.",
    private=True,
)
def check_learner(subject: Subject) -> Iterable[Finding | Note]:
    """Plants markers in the facts of users and sessions."""
    for case in require_cases(subject):
        markers, event = [], copy(case.samples[0].event)
        rng = subject.rng(f"learner {case.label}")
        for path, which in subject.source.personal_paths.items():
            text = marker_text(rng, "user_id" if which == BY_ID else "name")
            if put(event, path, text):
                markers.append(Marker(path, text))
        output = subject.run([message_of(event, "object"), message_of(as_line(event, subject.source.shape), "line")])
        for marker, form in leaks.find_markers(markers, sorted(set(output.outcomes))):
            yield Finding(f"{marker.path} appears in the output {form}", case.label, marker.path)
    with subject.with_identity_provider(**KNOWN_LEARNERS):
        for case in require_cases(subject):
            yield from _check_learner_aliases(subject, case)
    yield from _check_provider_bypass(subject)


def _check_learner_aliases(subject: Subject, case: Case) -> Iterable[Finding | Note]:
    """Tests that two ids, or two names, of one learner by the identity provider give one outcome."""
    paths = subject.source.user_paths
    for which, (usual, other) in enumerate(LEARNER_ALIASES):
        events = []
        for value in (usual, other):
            event = copy(case.samples[0].event)
            for path, kind in paths.items():
                put(event, path, value if kind == which else LEARNER_ALIASES[kind][0])
            events.append(message_of(event, "object"))
        path = next((path for path, kind in paths.items() if kind == which), "")
        usual_outcome, other_outcome = subject.run(events).outcomes
        if path and outcome_of(case, subject.parse(usual_outcome))["state"] != TRANSFORMED:
            words = f"with {usual} at {path} there is no statement, so that nothing is compared"
            yield Note(f"{words}: let its kind accept what the harness puts there", case.label, path)
        if usual_outcome != other_outcome:
            difference = differences.describe_first(usual_outcome, other_outcome)
            yield Finding(
                f"the user's {('id', 'name')[which]} changes the outcome although the identity provider returns the "
                f"same learner: {difference}; use the learner of the platform only",
                case.label, path,
            )  # fmt: skip


LEARNER_FIELDS = ("user's id", "user's name", "session")
LEARNERS_PER_CASE = 8
"""Learners and sessions, each longer than the one before: any value derived from them differs for some."""


def _check_provider_bypass(subject: Subject) -> Iterable[Finding]:
    """Tests that what differs with the learner or the session differs with the operator's secret too.

    Events of nobody's are left out, but for filters: a platform has users who are no learners, whom its source drops.
    """
    rng = subject.rng("besides")
    groups: list[tuple[Case, str, int]] = []
    events = []
    for case in subject.cases:
        paths = subject.source.personal_paths
        for which in sorted(set(paths.values())):
            groups.append((case, next(path for path, kind in paths.items() if kind == which), which))
            for size in range(1, LEARNERS_PER_CASE + 1):
                event = copy(case.samples[0].event)
                number, digits = rng.randrange(10 ** (size - 1), 10**size), f"{rng.getrandbits(128):032x}"
                name = "".join(rng.choice("abcdefghijklmnopqrstuvwxyz") for _ in range(2 * size))
                for path in (path for path, kind in paths.items() if kind == which):
                    put(event, path, (number, name, digits[: 4 * size])[which])
                events.append(message_of(event, "object"))
    texts = [subject.run(events).outcomes]
    with subject.with_identity_provider(provider="keyed", secret=OTHER_SECRET):
        texts.append(subject.run(events).outcomes)
    leaves_by_secret = [[_leaves(subject.parse(text)) for text in outcomes] for outcomes in texts]
    is_filter = any(info.kind == "filters" for info in subject.infos)
    for number, (case, path, which) in enumerate(groups):
        group = [
            event for event in range(number * LEARNERS_PER_CASE, (number + 1) * LEARNERS_PER_CASE)
            if is_filter or all(TRANSFORMED in outcomes[event].values() for outcomes in leaves_by_secret)
        ]  # fmt: skip
        for path_in_outcome in leaves_by_secret[0][group[0]] if group else ():
            values = [[outcomes[event].get(path_in_outcome) for event in group] for outcomes in leaves_by_secret]
            if values[0] == values[1] and any(value != values[0][0] for value in values[0]):
                yield Finding(
                    f"{path_in_outcome} depends on the {LEARNER_FIELDS[which]} but not on the operator's secret: "
                    "use what the identity provider returns only",
                    case.label, path,
                )  # fmt: skip
                break


def _leaves(value: Any, path: str = "") -> dict[str, Any]:
    """Returns path → value for everything in an outcome; statements are parsed."""
    if path.endswith("statements") and isinstance(value, list):
        value = [orjson.loads(statement) for statement in value]
    pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    leaves = {key: leaf for name, inner in pairs for key, leaf in _leaves(inner, f"{path}.{name}".strip(".")).items()}
    return leaves if isinstance(value, dict | list) and value else {path: value}


_TAKE_ANY_TEXT = ("text", "scalar", "identifier", "strict_text", "strict_identifier", "structure")


def fill_with_markers(subject: Subject, case: Case, what: str) -> tuple[Event, list[Marker]]:
    """Builds the complete sample with a marker in each declared field that takes any text."""
    event, markers = copy(case.samples[0].event), []
    rng = subject.rng(f"{what} {case.label}")
    for path, field in flat(case.fields):
        if "*" in path or field.examples or field.kind not in _TAKE_ANY_TEXT:
            continue
        if path == "name" or path in subject.source.course_paths | subject.source.time_paths:
            continue
        text = marker_text(rng, "name")
        if put(event, path, text):
            markers.append(Marker(path, text))
    return event, markers


@check(
    "privacy.errors-and-logs",
    "No error, skip reason, denial or log record contains a value of an event, declared or not.",
    private=True,
)
def check_errors_and_logs(subject: Subject) -> Iterable[Finding | Note]:
    """Plants markers in declared fields, with right and wrong types, one field at a time and all together."""
    for case in require_cases(subject):
        event, markers = fill_with_markers(subject, case, "errors")
        events = [event]
        for path, _ in flat(case.fields):
            if "*" in path or path == "name":
                continue
            text = marker_text(subject.rng(f"wrong {case.label} {path}"), "name")
            markers.append(Marker(path, text))
            for wrong in (text, [text], {"a": text}, f"://{text}"):
                altered = copy(case.samples[0].event)
                put(altered, path, wrong)
                events.append(altered)
        output = subject.run([message_of(altered_event, "object") for altered_event in events], debug=True)
        reasons = [_without_statements(text) for text in sorted(set(output.outcomes))]
        replaced = next((text for text in (*reasons, *_sample_reasons(subject, case)) if NO_CONSTANT in text), "")
        if replaced:
            outcome = outcome_of(case, orjson.loads(replaced))
            shown = str(outcome.get("reason") or outcome.get("denied"))
            yield Finding(
                f"a reason or path is built from values, so that the core does not show it: {shown}", case.label
            )
        count = 0
        for where, texts in (("an error or reason", reasons), ("a log record", sorted(set(output.records)))):
            for marker, form in leaks.find_markers(markers, texts):
                count += 1
                if count <= MAX_FINDINGS_PER_EVENT:
                    yield Finding(f"the value of {marker.path} appears in {where} {form}", case.label, marker.path)


def _sample_reasons(subject: Subject, case: Case) -> list[str]:
    texts = subject.run([message_of(sample.event, "object") for sample in case.samples]).outcomes
    return [_without_statements(text) for text in dict.fromkeys(texts)]


def _without_statements(text: str) -> str:
    outcomes: list[dict[str, Any]] = orjson.loads(text)
    return orjson.dumps([{k: v for k, v in outcome.items() if k != "statements"} for outcome in outcomes]).decode()


@check(
    "privacy.memory",
    "No event influences the outcome of a later one.",
    private=True,
)
def check_memory(subject: Subject) -> Iterable[Finding | Note]:
    """Runs events full of markers, then others, in one process; and each sample repeatedly."""
    cases = require_cases(subject)
    process = subject.second_process[0]
    first, markers = [], []
    for case in cases:
        event, planted = fill_with_markers(subject, case, "memory")
        noisy, noise = with_markers(event, case.declared, f"memory noise {case.label}", subject.source.shape)
        first += [message_of(noisy, "object")] * 3
        markers += [*planted, *noise]
    subject.run(first, process=process)
    texts: set[str] = set()
    for case in cases:
        samples = case.samples[:3]
        output = subject.run([message_of(sample.event, "object") for sample in samples] * 4, process=process)
        texts |= {*output.outcomes, *output.records}
        for number, text in enumerate(output.outcomes):
            sample, expected = (
                samples[number % len(samples)],
                subject.sample_outcomes[case.label][number % len(samples)],
            )
            if outcome_of(case, subject.parse(text)) != expected:
                yield Finding(f"the same event ({sample.label}) has another outcome after other events", case.label)
                break
    for marker, form in list(leaks.find_markers(markers, sorted(texts)))[:MAX_FINDINGS_PER_EVENT]:
        yield Finding(f"{marker.path} of an earlier event appears in a later outcome {form}", path=marker.path)
    yield from _check_lookalikes(subject)


def _check_lookalikes(subject: Subject) -> Iterable[Finding]:
    """Runs twins before the samples in one new process and after them in another, and compares outcomes."""
    events: list[Event] = []
    numbers: dict[str, range] = {}
    for case in subject.cases:
        start = len(events)
        twins: dict[str, list[Any]] = {}
        for twin in subject.twins[case.label]:
            twins.setdefault(twin.field, []).append(twin.value)
        events += many_field_twins(case.event, case.fields, twins)
        events += (sample.event for sample in (*case.samples[1:], case.samples[0]))
        numbers[case.label] = range(start, len(events))
    outcomes_by_order = []
    for order in (1, -1):
        with subject.temporary_process(subject.enabled_plugins()) as started:
            if started is None:
                raise PluginProcessError("the plugin cannot be assembled a second time")
            turned = [message_of(event, "object") for event in events[::order]]
            outcomes_by_order.append(subject.run(turned, process=started[0]).outcomes[::order])
    for label, own in numbers.items():
        for number in own:
            if outcomes_by_order[0][number] != outcomes_by_order[1][number]:
                difference = differences.describe_first(outcomes_by_order[0][number], outcomes_by_order[1][number])
                yield Finding(f"an event has another outcome after similar events: {difference}", label)
                break


def has_statement(outcome: dict[str, Any]) -> bool:
    """Tells whether a sample is transformed into at least one statement."""
    return outcome["state"] == TRANSFORMED and bool(outcome.get("statements"))
