"""The data map: for each enabled event, which source path reaches which output path, and which destinations get it.

It is derived by running the mappings (`learnrelay.tracing`), so it says what they do, not what someone wrote of them.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass

from .assembly import IDENTITY_PROVIDERS, Assembly
from .fields import Field, Fields, declared_paths
from .pipeline import Pipeline
from .plugins.plan import Gate, Plan, Step, compile_plan
from .privacy import Grade, grade_of
from .resolvers.courses import NoCourses
from .routing import NameRule
from .site import Site
from .tracing import Form, Leaves, TracedCourses, TracedIdentity, Tracer

Flows = dict[str, dict[str, Form]]
"""Source path → output path → form."""


@dataclass(frozen=True, slots=True)
class Receiver:
    """A destination that may get an event, and on what it depends: names of rules, empty for always."""

    name: str
    rules: tuple[str, ...]

    def __str__(self) -> str:
        """``partner (scope org)``."""
        return f"{self.name} ({', '.join(self.rules)})" if self.rules else self.name


@dataclass(frozen=True, slots=True)
class Row:
    """One flow: a source path of an event, and an output path that shows it in some form.

    ``output`` and ``form`` are empty where the path is read, and shows nowhere.
    """

    event: str
    standard: str
    family: str
    source: str
    grade: Grade
    output: str
    form: Form | None
    reason: str
    receivers: tuple[Receiver, ...]


def data_map(
    assembly: Assembly, events: Collection[str] = (), watch: Callable[[Sequence[str]], Iterable[str]] = iter
) -> list[Row]:
    """All flows of these events (none named: of all enabled ones), by event, standard, source and output path.

    Where a destination with pseudonyms of its own gets a value in another form, it has rows of its own.

    ``watch``: gives the names of the events on, one by one, for who wants to see how far it is.
    """
    enrichers = list(_reads_of(assembly, "enrich_statement").values())
    plans = {own: _traced_plan(assembly, own) for own in (False, True)}
    pipelines = {own: Pipeline(plan) for own, plan in plans.items()}
    traced: dict[tuple[int, bool], Flows] = {}

    def flows(event: str, place: int, own: bool) -> Flows:
        step = plans[own].steps[event][place]
        key = (id(step.transformer), own)
        if key not in traced:
            common = assembly.registry.standards[step.standard].common
            traced[key] = Tracer(pipelines[own], step, event, common, *enrichers).trace()
        return traced[key]

    rows: list[Row] = []
    for event in watch(sorted(events or plans[False].steps)):
        for place, step in enumerate(plans[False].steps[event]):
            gates = [gate for gate in assembly.plan.gates.get(step.standard, ()) if _lets_pass(gate, event)]
            own = [gate for gate in gates if gate.destination.pseudonyms == "own"]
            if own and flows(event, place, own=True) != flows(event, place, own=False):
                rows += _rows(assembly, event, step, own, flows(event, place, own=True))
                gates = [gate for gate in gates if gate.destination.pseudonyms != "own"]
            if gates or not own:
                rows += _rows(assembly, event, step, gates, flows(event, place, own=False))
    return sorted(rows, key=lambda row: (row.event, row.standard, row.source, [*map(str, row.receivers)], row.output))


def typical(assembly: Assembly, event: str, standard: str) -> Leaves:
    """What a standard says of a sample of an event: output path → values."""
    plan = _traced_plan(assembly)
    for step in plan.steps[event]:
        if step.standard == standard:
            return Tracer(Pipeline(plan), step, event, assembly.registry.standards[standard].common).typical()
    return {}


def _traced_plan(assembly: Assembly, own: bool = False) -> Plan:
    """The plan with look-ups that can be traced; ``own``: as destinations with pseudonyms of their own see it."""
    config = assembly.config
    built_in = config.identity.name in IDENTITY_PROVIDERS
    identity = TracedIdentity(addresses=config.identity.name != "keyed", by_both=not built_in)
    courses = NoCourses({}) if config.courses.name == "none" else TracedCourses()
    sites = {name: Site(config.root_url, identity, courses, name, own) for name in assembly.standards}
    return compile_plan(assembly.registry, assembly.table, assembly.standards, sites, {})


def _rows(assembly: Assembly, event: str, step: Step, gates: Sequence[Gate], traced: Flows) -> Iterator[Row]:
    receivers = tuple(Receiver(gate.destination.name, tuple(_rules(gate))) for gate in gates)
    common = assembly.registry.standards[step.standard].common
    reads = [step.transformer.reads, common, *_reads_of(assembly, "enrich_statement").values()]
    reasons = {path: field.reason for one in reversed(reads) for path, field in _declared(one)}
    deciders = {path: why for path, why in _deciders(assembly, gates) if path not in traced}
    for source, outputs in [*traced.items(), *((path, _NOTHING) for path in deciders)]:
        for output, form in outputs.items() or [("", None)]:
            yield Row(
                event, step.standard, step.transformer.family, source, grade_of(source), output, form,
                deciders.get(source) or reasons.get(source, ""), receivers,
            )  # fmt: skip


_NOTHING: dict[str, Form] = {}


def _reads_of(assembly: Assembly, hook: str) -> dict[str, type[Fields]]:
    """What the plugins of a stage declare that they read, by plugin."""
    implementations = getattr(assembly.registry.manager.hook, hook).get_hookimpls()
    return {one.plugin_name: one.function.learnrelay_reads for one in implementations}


def _deciders(assembly: Assembly, gates: Sequence[Gate]) -> Iterator[tuple[str, str]]:
    """Paths that decide whether an event is told, and to whom of these; with all who read them, and why."""
    told: list[tuple[str, str, str]] = []

    def add(who: str, reads: type[Fields]) -> None:
        told.extend((path, field.reason, who) for path, field in _declared(reads))

    for name, reads in _reads_of(assembly, "filter_event").items():
        add(f"filter {name}", reads)
    if gates:
        for name, reads in _reads_of(assembly, "route_event").items():
            add(f"router {name}", reads)
    for gate in gates:
        for rule in gate.scopes:
            add(f"{rule.name} of {gate.destination.name}", rule.reads)
        told += [(path, "", f"match of {gate.destination.name}") for path in gate.destination.match]
    for path in dict.fromkeys(path for path, _, _ in told):
        by_reason: dict[str, list[str]] = {}
        for _, reason, who in (one for one in told if one[0] == path):
            by_reason.setdefault(reason, []).append(who)
        yield path, "; ".join(f"read by {', '.join(who)}{why and f': {why}'}" for why, who in by_reason.items())


def _declared(reads: type[Fields]) -> Iterator[tuple[str, Field]]:
    for _, path, field in declared_paths(reads):
        yield path.removesuffix(".**"), field


def _lets_pass(gate: Gate, event: str) -> bool:
    """Whether an event of this name may pass; what it says decides then."""
    return all(event in check.names for _, check in gate.checks if isinstance(check, NameRule))


def _rules(gate: Gate) -> Iterator[str]:
    """What an event's own content must say to pass: by name alone it does."""
    yield from (rule.name for rule in gate.scopes)
    yield from (f"match {path}" for path in gate.destination.match if path != "name")
    yield from (name for name, _ in gate.routers)
