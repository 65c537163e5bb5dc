"""Checks filters, enrichers, routers and scopes, besides the declared fields."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import orjson

from learnrelay.plugins.discovery import installed
from learnrelay.privacy.samples import put

from .. import schemas
from ..declarations import Declared, flat
from ..host import CARRIER, MAIN_SEED, OPEN_DESTINATION, PluginProcess, build_destination
from ..samples import LEAST, NASTY, Event, copy, delete_path, malformed, message_of, samples_of
from ..subject import SKIPPED, TRANSFORMED, Case, Subject, outcome_of
from . import Finding, NotApplicableError, Note, check
from .behaviour import format_problems
from .scopes import EVERYBODY, ScopeProofs

UNUSED_VALUE = "a value that no event has"


def _stage_cases(subject: Subject, hook: str) -> list[Case]:
    if hook not in subject.stages:
        raise NotApplicableError(f"the plugin has no {hook}")
    return [case for case in subject.cases if case.transformer == subject.name]


def _odd_events(case: Case) -> Iterator[tuple[str, Event]]:
    """Yields samples, and the complete one with each malformed value at each of the plugin's paths."""
    for sample in case.samples:
        yield sample.label, sample.event
    for path in dict.fromkeys(path for path, _ in flat(case.own) if "*" not in path and path != "name"):
        for value in NASTY:
            event = copy(case.samples[0].event)
            put(event, path, value)
            yield f"{path} = {orjson.dumps(value).decode()[:40]}", event


def _run_events(
    subject: Subject, case: Case, events: Iterable[Event], process: PluginProcess | None = None
) -> list[dict[str, Any]]:
    texts = subject.run([message_of(event, "object") for event in events], process=process).outcomes
    return [outcome_of(case, subject.parse(text)) for text in texts]


def _run_odd_events(
    subject: Subject, case: Case, process: PluginProcess | None = None
) -> Iterator[tuple[str, dict[str, Any]]]:
    labels, events = zip(*_odd_events(case), strict=True)
    yield from zip(labels, _run_events(subject, case, events, process), strict=True)


_FAR: dict[str, tuple[Any, ...]] = {
    **dict.fromkeys(("integer", "number"), (-(10**9), 10**9)),
    "count": (1, 10**9),
    "moment": ("1970-01-01T00:00:00+00:00", "2099-01-01T00:00:00+00:00"),
}
"""Extreme values of comparable kinds: a plugin that drops only one of the two has a limit."""


def _find_kept_in_doubt(subject: Subject, case: Case) -> Iterator[Finding]:
    """Reports an event that is kept although its value cannot be compared with the plugin's limit."""
    for field in case.own:
        if field.is_key or field.entries is not None or field.kind not in _FAR or field.needed:
            continue
        events = []
        for value in (*_FAR[field.kind], "unreadable"):
            event = copy(case.samples[0].event)
            for path in field.paths:
                delete_path(event, path)
            put(event, field.paths[0], value)
            events.append(event)
        absent = copy(case.samples[0].event)
        for path in field.paths:
            delete_path(absent, path)
        outcomes = _run_events(subject, case, [*events, absent])
        low, high, unreadable, missing = (
            outcome["state"] != TRANSFORMED or bool(outcome.get("denied", {}).get(OPEN_DESTINATION))
            for outcome in outcomes
        )
        if low is not high and not (unreadable and missing):
            what = " or ".join(word for word, gone in (("missing", missing), ("unreadable", unreadable)) if not gone)
            yield Finding(f"keeps an event whose {field.paths[0]} is {what}, though it has a limit for the field: "
                          "drop what cannot be compared", case.label, field.paths[0])  # fmt: skip


@check(
    "stage.filter",
    "A filter returns None or a Skip with a reason, and never raises, for any event.",
    each_setting=True,
    quick=True,
)
def check_filter(subject: Subject) -> Iterable[Finding | Note]:
    """Runs odd events through the filter. A filter that raises skips the event; it must give a reason instead."""
    skipped = 0
    for case in _stage_cases(subject, "filter_event"):
        for label, outcome in _run_odd_events(subject, case):
            reason = outcome.get("reason", "")
            if outcome["state"] == "crashed":
                yield Finding(f"returns something other than None or a Skip ({label})", case.label)
                break
            if outcome["state"] == SKIPPED and reason == f"filter filters:{subject.name} failed":
                yield Finding(f"raises ({label})", case.label)
                break
            if outcome["state"] == SKIPPED and not reason.strip():
                yield Finding(f"returns a Skip without a reason ({label})", case.label)
                break
            skipped += outcome["state"] == SKIPPED
        yield from _find_kept_in_doubt(subject, case)
    yield Note(f"{skipped} of the tested events were skipped")


@check(
    "stage.enricher",
    "An enricher only adds to a statement, and the statement stays valid.",
    each_setting=True,
    quick=True,
)
def check_enricher(subject: Subject) -> Iterable[Finding | Note]:
    """Compares outcomes with and without it on the carrier, then on a family of each installed standard."""
    cases = _stage_cases(subject, "enrich_statement")
    added = False
    kept_out: dict[str, None] = {}
    for case in cases:
        for label, outcome in _run_odd_events(subject, case):
            if outcome["state"] == SKIPPED:  # by a filter, or for want of a learner: an enricher skips nothing
                continue
            if outcome["state"] != TRANSFORMED:
                yield Finding(f"{outcome.get('reason', outcome['state'])} ({label})", case.label)
                break
            for text in outcome.get("statements", []):
                statement = orjson.loads(text)
                added = added or bool(statement.keys() - {"id", "when", "what", "learner", "course", "session", "did"})
                if statement.get("what") != case.event or statement.get("did") != "something":
                    yield Finding(f"replaces or removes a value of the statement ({label})", case.label)
    tried = _list_standard_families()
    for standard, family in tried:
        with (
            subject.temporary_process([family]) as without,
            subject.temporary_process([family, subject.name]) as enriched,
        ):
            if without is None:
                yield Note(f"not tested with {standard}: {family} cannot be assembled by itself")
                continue
            if enriched is None:
                yield Finding(f"cannot be assembled together with {family}")
                continue
            for event, before, after in _compare_enriched(subject, standard, without[0], *enriched):
                kept_out |= dict.fromkeys(f"{standard}: {path}" for path in after.get("not_added", ()))
                bare_statements, enriched_statements = before.get("statements", []), after.get("statements", [])
                added = added or bare_statements != enriched_statements
                if before["state"] == TRANSFORMED and after["state"] != TRANSFORMED:
                    yield Finding(f"a statement of {standard} fails: {after.get('reason', after['state'])}", event)
                    break
                problem_pairs = zip(
                    schemas.find_problems(standard, bare_statements),
                    schemas.find_problems(standard, enriched_statements),
                    strict=False,
                )
                if broken := [problems for earlier, problems in problem_pairs if problems and not earlier]:
                    yield Finding(f"makes a statement of {standard} invalid: {format_problems(broken[0])}", event)
                    break
    for path in kept_out:
        yield Note(f"not added, because it stands there already: {path}")
    if not added:
        bare = sorted({i.name for i in installed() if i.kind == "standards"} - {CARRIER} - dict(tried).keys())
        cure = (
            f"; or install a family of {' or '.join(bare)}, without which it sees none of its statements"
            if bare
            else ""
        )
        yield Finding(f"no sample makes the enricher add anything: give its fields an example={cure}")


def _compare_enriched(
    subject: Subject, standard: str, without: PluginProcess, process: PluginProcess, description: dict[str, Any]
) -> Iterator[tuple[str, dict[str, Any], dict[str, Any]]]:
    """Yields (event, outcome without the plugin, outcome with it) for samples of a few events of a family."""
    own = subject.stages["enrich_statement"]
    for mapping in description["transformers"][:3]:
        name = mapping["events"][0]
        fields = subject.read((*mapping["fields"], *description["source"]["facts"]))
        samples = samples_of(name, (*own, *fields), own)
        events = [sample.event for sample in samples[:3]]
        events += [event for _, event in malformed(samples[0].event, own)]
        pairs = zip(
            _outcomes_in_standard(without, standard, events),
            _outcomes_in_standard(process, standard, events),
            strict=True,
        )
        yield from ((name, before, after) for before, after in pairs)


def _outcomes_in_standard(process: PluginProcess, standard: str, events: list[Event]) -> Iterator[dict[str, Any]]:
    answer = process.ask("run", events=[message_of(event, "object") for event in events])
    for number in answer["index"]:
        outcomes = orjson.loads(answer["texts"][number])
        yield next((outcome for outcome in outcomes if outcome.get("standard") == standard), outcomes[0])


def _list_standard_families() -> list[tuple[str, str]]:
    """Returns each installed standard with one family, of its own distribution if possible."""
    known = installed()
    families_by_standard = []
    for standard in sorted((info for info in known if info.kind == "standards"), key=lambda info: info.name):
        families = [info for info in known if info.kind == "families" and info.standard == standard.name]
        families.sort(key=lambda info: (info.distribution != standard.distribution, info.name))
        if families and standard.name != CARRIER:
            families_by_standard.append((standard.name, families[0].name))
    return families_by_standard


# --- routing ----------------------------------------------------------------------------------------------


def _route_odd_events(
    subject: Subject, destinations: Mapping[str, Any], case: Case, process: PluginProcess | None = None
) -> list[tuple[str, dict[str, str | None]]]:
    """Returns for each odd event: destination → None if it may have it, else the reason."""
    subject.assemble(process or subject.process, sections={"destinations": dict(destinations)})
    routed = []
    for label, outcome in _run_odd_events(subject, case, process):
        if outcome["state"] == TRANSFORMED:
            denied = outcome.get("denied", {})
            routed.append((label, {name: denied.get(name) for name in destinations}))
    return routed


def _find_dependent_routes(subject: Subject, destinations: Mapping[str, Any], case: Case) -> Iterator[Finding]:
    """Compares two destinations, each alone in a process, with all together."""
    together = _route_odd_events(subject, destinations, case)
    for name in list(destinations)[:2]:
        alone = _route_odd_events(subject, {name: destinations[name]}, case, subject.start(seed=MAIN_SEED)[0])
        for (label, with_others), (_, by_itself) in zip(together, alone, strict=True):
            if (with_others[name] is None) != (by_itself[name] is None):
                yield Finding(f"the decision for {name} depends on other destinations ({label})", case.label)
                break


def _find_route_failures(routed: list[tuple[str, dict[str, str | None]]], case: Case) -> Iterator[Finding]:
    for label, answers in routed:
        for reason in answers.values():
            if reason is not None and reason.endswith(" failed"):
                yield Finding(f"raises, or returns a value of a wrong type ({label})", case.label)
                return
            if reason is not None and not reason.strip():
                yield Finding(f"denies without a reason ({label})", case.label)
                return


@check(
    "stage.router",
    "A router returns None or a Skip, never raises, widens nothing, and decides for each destination by itself.",
    each_setting=True,
    quick=True,
)
def check_router(subject: Subject) -> Iterable[Finding | Note]:
    """Routes odd events to destinations of several kinds, alone and together."""
    cases = _stage_cases(subject, "route_event")
    closed = {"context.unused": [UNUSED_VALUE]}
    destinations = {OPEN_DESTINATION: build_destination(), "south": build_destination(url="https://south.harbour-college.net/x"),
                    "closed": build_destination(match=closed),
                    "named": build_destination(match={"name": sorted({case.event for case in cases})})}  # fmt: skip
    try:
        for case in cases:
            routed = _route_odd_events(subject, destinations, case)
            yield from _find_route_failures(routed, case)
            for label, answers in routed:
                if answers["closed"] is None:
                    yield Finding(f"admits an event that another rule denies ({label})", case.label)
                    break
            yield from _find_kept_in_doubt(subject, case)
            yield from _find_dependent_routes(subject, destinations, case)
            yield Note(f"{sum(r is not None for _, a in routed for r in a.values())} denials", case.label)
    finally:
        subject.assemble(subject.process)


def accepted_values(subject: Subject, key: str, fields: tuple[Declared, ...]) -> tuple[list[Any], set[str]]:
    """Returns the values that the scope accepts as ``scope = { key = … }``, and the wrong exceptions for others."""
    examples = subject.description["scopes"][key]["examples"]
    candidates = [*examples, *(value for field in fields for value in field.values), "Harbour", "Atoll"]
    refused = subject.process.ask("scope_errors", scope=key, values=[*candidates, *NASTY])
    texts = {orjson.dumps(value): value for value, error in zip(candidates, refused, strict=False) if not error}
    return list(texts.values()), set(refused) - {"", "ValueError"}


@check(
    "stage.scope",
    "A scope admits only events that prove their owner: no missing, similar or contradictory proof.",
    each_setting=True,
    quick=True,
)
def check_scope(subject: Subject) -> Iterable[Finding | Note]:
    """Tests every accepted value against complete, empty, altered and contradictory proofs."""
    if not subject.scopes:
        raise NotApplicableError("the plugin has no scope")
    case = subject.cases[0]
    try:
        for key, fields in subject.scopes.items():
            wanted, raised = accepted_values(subject, key, fields)
            if raised:
                yield Finding(f"scope {key}: an invalid value raises {', '.join(sorted(raised))}: raise a ValueError")
            if len(wanted) < 2:
                yield Finding(f"scope {key}: no two sample values are accepted: give the class examples = (…, …)")
                continue
            proofs = ScopeProofs(subject, key, fields, case)
            for fault in proofs.find_faults():
                yield Finding(f"scope {key}: {fault}", case.label)
            yield from _find_wildcards(subject, proofs, case)
            yield from _check_admission(subject, key, wanted, case)
    finally:
        subject.assemble(subject.process)


def _check_admission(subject: Subject, key: str, wanted: list[Any], case: Case) -> Iterator[Finding | Note]:
    destinations = {f"d{number}": build_destination(scope={key: value}) for number, value in enumerate(wanted)}
    routed = _route_odd_events(subject, destinations, case)
    yield from _find_route_failures(routed, case)
    admitted = {name for name, answer in routed[0][1].items() if answer is None}
    if not admitted:
        admitted = {name for _, answers in routed for name, answer in answers.items() if answer is None}
    if not admitted:
        yield Finding(f"scope {key}: no sample proves an owner: give its fields an example=", case.label)
        return
    for label, answers in routed:
        allowed = [name for name, answer in answers.items() if answer is None]
        if len(allowed) > 1:
            yield Finding(f"scope {key}: one event is admitted to the destinations of two owners ({label})", case.label)
            break
    empty = next((answers for label, answers in routed if label == LEAST), {})
    if any(answer is None for answer in empty.values()):
        yield Finding(f"scope {key}: an event without any proof is admitted", case.label)
    for name in sorted(admitted):
        value = wanted[int(name[1:])]
        if isinstance(value, str):
            yield from _find_near_misses(subject, key, name, value, case)
    yield from _find_dependent_routes(subject, destinations, case)
    yield Note(f"scope {key}: {len(wanted)} values, {len(routed)} events")


def _find_wildcards(subject: Subject, proofs: ScopeProofs, case: Case) -> Iterator[Finding]:
    """Tests destinations whose value is a word that may mean everybody against the proofs of others."""
    words = [word for word in dict.fromkeys((*EVERYBODY, *subject.texts)) if word and word == word.strip()]
    refused = subject.process.ask("scope_errors", scope=proofs.key, values=words)
    wanted = [word for word, error in zip(words, refused, strict=True) if not error][:MAX_WORDS]
    destinations = {f"w{number}": build_destination(scope={proofs.key: word}) for number, word in enumerate(wanted)}
    subject.assemble(subject.process, sections={"destinations": destinations})
    proven = [(path, text) for path in proofs.paths for text in proofs.invented[path]]
    outcomes = _run_events(subject, case, [proofs.build_event({path: text}) for path, text in proven])
    for (path, text), outcome in zip(proven, outcomes, strict=True):
        for name in outcome.get("destinations", ()):
            word = wanted[int(name[1:])]
            if word not in text:
                yield Finding(
                    f"scope {proofs.key}: a destination for {word!r} gets events of another owner ({path})", case.label
                )
                return


MAX_WORDS = 64


def _find_near_misses(subject: Subject, key: str, name: str, value: str, case: Case) -> Iterator[Finding]:
    """Tests events in which every text with the value is altered so that it only resembles it."""
    text = orjson.dumps(case.samples[0].event).decode()
    others = [f"{value}2", f"x{value}", value[:-1], value[:-1] + ".", f"{value}.*", f"{value},{value}x"]
    altered = [orjson.loads(text.replace(value, other)) for other in others if value in text]
    subject.assemble(subject.process, sections={"destinations": {name: build_destination(scope={key: value})}})
    outcomes = subject.run([message_of(event, "object") for event in altered]).outcomes
    for other, outcome in zip(others, outcomes, strict=False):
        parsed = outcome_of(case, subject.parse(outcome))
        if parsed["state"] == TRANSFORMED and name in parsed.get("destinations", ()):
            how = other.replace(value, "VALUE") if value in other else "a part of VALUE"
            yield Finding(f"scope {key}: a text that only resembles the value is accepted as proof ({how})", case.label)
            return
