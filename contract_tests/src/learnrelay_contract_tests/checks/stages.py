"""Filters, enrichers, routers and scopes: what each stage must do besides keeping to what it declares."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import orjson

from learnrelay.plugins.discovery import installed

from .. import schemas
from ..declarations import Declared, flat, read
from ..host import CARRIER, OPEN, Process, destination
from ..samples import LEAST, NASTY, Event, copy, malformed, put, samples_of, sent, take, values_of
from ..subject import SKIPPED, TRANSFORMED, Case, Subject, outcome_of
from . import Finding, NotApplicableError, Note, check
from .behaviour import _in_words
from .scopes import EVERYBODY, Proofs

NOBODYS = "a value that no event has"


def _stage_cases(subject: Subject, hook: str) -> list[Case]:
    if hook not in subject.stages:
        raise NotApplicableError(f"it has no {hook}")
    return [case for case in subject.cases if case.transformer == subject.name]


def _odd_events(case: Case) -> Iterator[tuple[str, Event]]:
    """Samples, and the complete one with each nasty value at each of the plugin's paths."""
    for sample in case.samples:
        yield sample.label, sample.event
    for path in dict.fromkeys(path for path, _ in flat(case.own) if "*" not in path and path != "name"):
        for value in NASTY:
            event = copy(case.samples[0].event)
            put(event, path, value)
            yield f"{path} = {orjson.dumps(value).decode()[:40]}", event


def _ran(subject: Subject, case: Case, events: Iterable[Event], process: Process | None = None) -> list[dict[str, Any]]:
    texts = subject.run([sent(event, "object") for event in events], process=process).outcomes
    return [outcome_of(case, subject.parse(text)) for text in texts]


def _outcomes(subject: Subject, case: Case, process: Process | None = None) -> Iterator[tuple[str, dict[str, Any]]]:
    labels, events = zip(*_odd_events(case), strict=True)
    yield from zip(labels, _ran(subject, case, events, process), strict=True)


_FAR: dict[str, tuple[Any, ...]] = {
    **dict.fromkeys(("integer", "number"), (-(10**9), 10**9)),
    "count": (1, 10**9),
    "moment": ("1970-01-01T00:00:00+00:00", "2099-01-01T00:00:00+00:00"),
}
"""Values at the two ends of what can be compared: whoever drops one of them has a limit."""


def _kept_in_doubt(subject: Subject, case: Case) -> Iterator[Finding]:
    """Whether an event is kept whose value cannot be compared with the limit that others must keep to."""
    for one in case.own:
        if one.is_key or one.entries is not None or one.kind not in _FAR or one.needed:
            continue
        events = []
        for value in (*_FAR[one.kind], "unreadable"):
            event = copy(case.samples[0].event)
            for path in one.paths:
                take(event, path)
            put(event, one.paths[0], value)
            events.append(event)
        absent = copy(case.samples[0].event)
        for path in one.paths:
            take(absent, path)
        outcomes = _ran(subject, case, [*events, absent])
        low, high, unreadable, missing = (
            outcome["state"] != TRANSFORMED or bool(outcome.get("denied", {}).get(OPEN)) for outcome in outcomes
        )
        if low is not high and not (unreadable and missing):
            what = " or ".join(word for word, gone in (("missing", missing), ("unreadable", unreadable)) if not gone)
            yield Finding(f"keeps an event whose {one.paths[0]} is {what}, though others must keep to a limit",
                          case.about, one.paths[0])  # fmt: skip


@check("stage.filter", "A filter answers None or a Skip with its reason, and never raises, whatever an event holds.")
def filters(subject: Subject) -> Iterable[Finding | Note]:
    """A filter that raises skips the event; it shall say why instead."""
    skipped = 0
    for case in _stage_cases(subject, "filter_event"):
        for label, outcome in _outcomes(subject, case):
            reason = outcome.get("reason", "")
            if outcome["state"] == "crashed":
                yield Finding(f"answers something else than None or a Skip ({label})", case.about)
                break
            if outcome["state"] == SKIPPED and reason == f"filter filters:{subject.name} failed":
                yield Finding(f"raises ({label})", case.about)
                break
            if outcome["state"] == SKIPPED and not reason.strip():
                yield Finding(f"skips without a reason ({label})", case.about)
                break
            skipped += outcome["state"] == SKIPPED
        yield from _kept_in_doubt(subject, case)
    yield Note(f"{skipped} of the events tried were skipped")


@check("stage.enricher", "An enricher adds: what a statement says without it, it says with it; and it stays valid.")
def enrichers(subject: Subject) -> Iterable[Finding | Note]:
    """With and without it on the carrier, then with a family of each installed standard."""
    cases = _stage_cases(subject, "enrich_statement")
    added = False
    for case in cases:
        for label, outcome in _outcomes(subject, case):
            if outcome["state"] != TRANSFORMED:
                yield Finding(f"{outcome.get('reason', outcome['state'])} ({label})", case.about)
                break
            for text in outcome.get("statements", []):
                statement = orjson.loads(text)
                added = added or bool(statement.keys() - {"id", "when", "what", "course", "did"})
                if statement.get("what") != case.event or statement.get("did") != "something":
                    yield Finding(f"replaces or removes what the statement says ({label})", case.about)
    for standard, family in _families_of_standards():
        with subject.elsewhere([family]) as without, subject.elsewhere([family, subject.name]) as enriched:
            if without is None:
                yield Note(f"not tried with {standard}: {family} does not work by itself")
                continue
            if enriched is None:
                yield Finding(f"does not work together with {family}")
                continue
            for event, before, after in _enriched(subject, standard, without[0], *enriched):
                bare, said = before.get("statements", []), after.get("statements", [])
                added = added or bare != said
                if before["state"] == TRANSFORMED and after["state"] != TRANSFORMED:
                    yield Finding(f"a statement of {standard} fails: {after.get('reason', after['state'])}", event)
                    break
                found = zip(schemas.problems(standard, bare), schemas.problems(standard, said), strict=False)
                if broken := [problems for earlier, problems in found if problems and not earlier]:
                    yield Finding(f"makes a statement of {standard} invalid: {_in_words(broken[0])}", event)
                    break
    if not added:
        yield Finding("no sample makes it add anything: give its fields an example=")


def _enriched(
    subject: Subject, standard: str, without: Process, process: Process, told: dict[str, Any]
) -> Iterator[tuple[str, dict[str, Any], dict[str, Any]]]:
    """(event, outcome without the plugin, outcome with it) for samples of a few events of a family."""
    own = subject.stages["enrich_statement"]
    for one in told["transformers"][:3]:
        name = one["events"][0]
        samples = samples_of(name, (*own, *read(one["fields"]), *read(told["standards"][standard])), own)
        events = [sample.event for sample in samples[:3]]
        events += [event for _, event in malformed(samples[0].event, own)]
        pairs = zip(_said(without, standard, events), _said(process, standard, events), strict=True)
        yield from ((name, before, after) for before, after in pairs)


def _said(process: Process, standard: str, events: list[Event]) -> Iterator[dict[str, Any]]:
    told = process.ask("run", events=[sent(event, "object") for event in events])
    for number in told["index"]:
        outcomes = orjson.loads(told["texts"][number])
        yield next((one for one in outcomes if one.get("standard") == standard), outcomes[0])


def _families_of_standards() -> list[tuple[str, str]]:
    """Each installed standard with one family, of its own distribution if possible."""
    known = installed()
    found = []
    for standard in sorted((one for one in known if one.kind == "standards"), key=lambda one: one.name):
        families = [one for one in known if one.kind == "families" and one.standard == standard.name]
        families.sort(key=lambda one: (one.distribution != standard.distribution, one.name))
        if families and standard.name != CARRIER:
            found.append((standard.name, families[0].name))
    return found


# --- routing ----------------------------------------------------------------------------------------------


def _routed(
    subject: Subject, destinations: Mapping[str, Any], case: Case, process: Process | None = None
) -> list[tuple[str, dict[str, str | None]]]:
    """For each odd event: destination → None where it may have it, else the reason."""
    subject.assemble(process or subject.process, sections={"destinations": dict(destinations)})
    found = []
    for label, outcome in _outcomes(subject, case, process):
        if outcome["state"] == TRANSFORMED:
            denied = outcome.get("denied", {})
            found.append((label, {name: denied.get(name) for name in destinations}))
    return found


def _tenants(subject: Subject, destinations: Mapping[str, Any], case: Case) -> Iterator[Finding]:
    """Two destinations, each alone in a process of its own, and all together: no one's lot depends on others."""
    together = _routed(subject, destinations, case)
    for name in list(destinations)[:2]:
        alone = _routed(subject, {name: destinations[name]}, case, subject.start(seed=9)[0])
        for (label, with_others), (_, by_itself) in zip(together, alone, strict=True):
            if (with_others[name] is None) != (by_itself[name] is None):
                yield Finding(f"what {name} gets depends on other destinations ({label})", case.about)
                break


def _failures(routed: list[tuple[str, dict[str, str | None]]], case: Case) -> Iterator[Finding]:
    for label, answers in routed:
        for reason in answers.values():
            if reason is not None and reason.endswith(" failed"):
                yield Finding(f"raises, or answers something else than it should ({label})", case.about)
                return
            if reason is not None and not reason.strip():
                yield Finding(f"denies without a reason ({label})", case.about)
                return


@check(
    "stage.router",
    "A router answers None or a Skip, never raises, widens nothing, and treats each destination by itself.",
)
def routers(subject: Subject) -> Iterable[Finding | Note]:
    """Destinations of several kinds, each alone and together."""
    cases = _stage_cases(subject, "route_event")
    closed = {"context.org_id": [NOBODYS]}
    destinations = {OPEN: destination(), "south": destination(url="https://south.harbour-college.net/x"),
                    "closed": destination(match=closed),
                    "named": destination(match={"name": sorted({case.event for case in cases})})}  # fmt: skip
    try:
        for case in cases:
            routed = _routed(subject, destinations, case)
            yield from _failures(routed, case)
            for label, answers in routed:
                if answers["closed"] is None:
                    yield Finding(f"lets an event through that another rule denies ({label})", case.about)
                    break
            yield from _kept_in_doubt(subject, case)
            yield from _tenants(subject, destinations, case)
            yield Note(f"{sum(r is not None for _, a in routed for r in a.values())} denials", case.about)
    finally:
        subject.assemble(subject.process)


def wanted_of(subject: Subject, key: str, fields: tuple[Declared, ...]) -> tuple[list[Any], set[str]]:
    """Values that make sense as ``scope = { key = … }`` and that samples can prove; and exceptions at odd ones."""
    given = subject.description["scopes"][key]["examples"]
    candidates = [*given, *(value for one in fields for value in values_of(one)), "Harbour", "Atoll"]
    refused = subject.process.ask("accepted", scope=key, values=[*candidates, *NASTY])
    texts = {orjson.dumps(value): value for value, error in zip(candidates, refused, strict=False) if not error}
    return list(texts.values()), set(refused) - {"", "ValueError"}


@check(
    "stage.scope",
    "A scope admits only what proves that it belongs: nothing missing, nothing similar, nothing of another.",
)
def scopes(subject: Subject) -> Iterable[Finding | Note]:
    """Every accepted value against complete, empty, altered and contradictory proofs."""
    if not subject.scopes:
        raise NotApplicableError("it has no scope")
    case = subject.cases[0]
    try:
        for key, fields in subject.scopes.items():
            wanted, raised = wanted_of(subject, key, fields)
            if raised:
                yield Finding(
                    f"scope {key}: a value that makes no sense is {', '.join(sorted(raised))}, not a ValueError"
                )
            if len(wanted) < 2:
                yield Finding(f"scope {key}: the harness finds no two values for it: give the class examples = (…, …)")
                continue
            proofs = Proofs(subject, key, fields, case)
            for fault in proofs.faults():
                yield Finding(f"scope {key}: {fault}", case.about)
            yield from _words_for_all(subject, proofs, case)
            yield from _judged_scope(subject, key, wanted, case)
    finally:
        subject.assemble(subject.process)


def _judged_scope(subject: Subject, key: str, wanted: list[Any], case: Case) -> Iterator[Finding | Note]:
    destinations = {f"d{number}": destination(scope={key: value}) for number, value in enumerate(wanted)}
    routed = _routed(subject, destinations, case)
    yield from _failures(routed, case)
    admitted = {name for name, answer in routed[0][1].items() if answer is None}
    if not admitted:
        admitted = {name for _, answers in routed for name, answer in answers.items() if answer is None}
    if not admitted:
        yield Finding(f"scope {key}: no sample proves anything to it: give its fields an example=", case.about)
        return
    for label, answers in routed:
        allowed = [name for name, answer in answers.items() if answer is None]
        if len(allowed) > 1:
            yield Finding(
                f"scope {key}: one event is admitted by two that stand for different ones ({label})", case.about
            )
            break
    empty = next((answers for label, answers in routed if label == LEAST), {})
    if any(answer is None for answer in empty.values()):
        yield Finding(f"scope {key}: an event without any proof is admitted", case.about)
    for name in sorted(admitted):
        value = wanted[int(name[1:])]
        if isinstance(value, str):
            yield from _near_misses(subject, key, name, value, case)
    yield from _tenants(subject, destinations, case)
    yield Note(f"scope {key}: {len(wanted)} values, {len(routed)} events")


def _words_for_all(subject: Subject, proofs: Proofs, case: Case) -> Iterator[Finding]:
    """Destinations that want a word which might mean everybody, and what others prove."""
    words = [word for word in dict.fromkeys((*EVERYBODY, *subject.texts)) if word and word == word.strip()]
    refused = subject.process.ask("accepted", scope=proofs.key, values=words)
    wanted = [word for word, error in zip(words, refused, strict=True) if not error][:MOST_WORDS]
    destinations = {f"w{number}": destination(scope={proofs.key: word}) for number, word in enumerate(wanted)}
    subject.assemble(subject.process, sections={"destinations": destinations})
    proven = [(path, text) for path in proofs.paths for text in proofs.invented[path]]
    outcomes = _ran(subject, case, [proofs.event({path: text}) for path, text in proven])
    for (path, text), outcome in zip(proven, outcomes, strict=True):
        for name in outcome.get("destinations", ()):
            word = wanted[int(name[1:])]
            if word not in text:
                yield Finding(f"scope {proofs.key}: who wants {word!r} gets what proves another ({path})", case.about)
                return


MOST_WORDS = 64


def _near_misses(subject: Subject, key: str, name: str, value: str, case: Case) -> Iterator[Finding]:
    """Events in which all that says the value, in longer texts too, only resembles it."""
    text = orjson.dumps(case.samples[0].event).decode()
    others = [f"{value}2", f"x{value}", value[:-1], value[:-1] + ".", f"{value}.*", f"{value},{value}x"]
    altered = [orjson.loads(text.replace(value, other)) for other in others if value in text]
    subject.assemble(subject.process, sections={"destinations": {name: destination(scope={key: value})}})
    outcomes = subject.run([sent(event, "object") for event in altered]).outcomes
    for other, outcome in zip(others, outcomes, strict=False):
        told = outcome_of(case, subject.parse(outcome))
        if told["state"] == TRANSFORMED and name in told.get("destinations", ()):
            how = other.replace(value, "VALUE") if value in other else "a part of VALUE"
            yield Finding(f"scope {key}: a proof that only resembles the value is taken for it ({how})", case.about)
            return
