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

    ``watch``: gives the names of the events on, one by one, for who wants to see how far it is.
    """
    plan = _traced_plan(assembly)
    pipeline = Pipeline(plan)
    enrichers = list(_reads_of(assembly, "enrich_statement").values())
    traced: dict[int, dict[str, dict[str, Form]]] = {}
    rows: list[Row] = []
    for event in watch(sorted(events or plan.steps)):
        for step in plan.steps[event]:
            if id(step.transformer) not in traced:
                common = assembly.registry.standards[step.standard].common
                traced[id(step.transformer)] = Tracer(pipeline, step, event, common, *enrichers).trace()
            rows += _rows(assembly, event, step, traced[id(step.transformer)])
    return sorted(rows, key=lambda row: (row.event, row.standard, row.source, row.output))


def typical(assembly: Assembly, event: str, standard: str) -> Leaves:
    """What a standard says of a sample of an event: output path → values."""
    plan = _traced_plan(assembly)
    for step in plan.steps[event]:
        if step.standard == standard:
            return Tracer(Pipeline(plan), step, event, assembly.registry.standards[standard].common).typical()
    return {}


def _traced_plan(assembly: Assembly) -> Plan:
    config = assembly.config
    built_in = config.identity.name in IDENTITY_PROVIDERS
    identity = TracedIdentity(addresses=config.identity.name != "keyed", by_both=not built_in)
    courses = NoCourses({}) if config.courses.name == "none" else TracedCourses()
    sites = {name: Site(config.root_url, identity, courses, name) for name in assembly.standards}
    return compile_plan(assembly.registry, assembly.table, assembly.standards, sites, {})


def _rows(assembly: Assembly, event: str, step: Step, traced: dict[str, dict[str, Form]]) -> Iterator[Row]:
    receivers = tuple(_receivers(assembly, event, step.standard))
    common = assembly.registry.standards[step.standard].common
    reads = [step.transformer.reads, common, *_reads_of(assembly, "enrich_statement").values()]
    reasons = {path: field.reason for one in reversed(reads) for path, field in _declared(one)}
    deciders = {path: why for path, why in _deciders(assembly, step.standard) if path not in traced}
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


def _deciders(assembly: Assembly, standard: str) -> Iterator[tuple[str, str]]:
    """Paths that decide whether an event is told, and to whom; with who reads them, and why."""
    told = {f"filter {name}": reads for name, reads in _reads_of(assembly, "filter_event").items()}
    gates = assembly.plan.gates.get(standard, ())
    if gates:
        told |= {f"router {name}": reads for name, reads in _reads_of(assembly, "route_event").items()}
    for gate in gates:
        told |= {f"{rule.name} of {gate.destination.name}": rule.reads for rule in gate.scopes}
        yield from ((path, f"read by match of {gate.destination.name}") for path in gate.destination.match)
    for who, reads in told.items():
        for path, field in _declared(reads):
            yield path, f"read by {who}{field.reason and f': {field.reason}'}"


def _declared(reads: type[Fields]) -> Iterator[tuple[str, Field]]:
    for _, path, field in declared_paths(reads):
        yield path.removesuffix(".**"), field


def _receivers(assembly: Assembly, event: str, standard: str) -> Iterator[Receiver]:
    for gate in assembly.plan.gates.get(standard, ()):
        names = [check for _, check in gate.checks if isinstance(check, NameRule)]
        if all(event in rule.names for rule in names):
            yield Receiver(gate.destination.name, tuple(_rules(gate)))


def _rules(gate: Gate) -> Iterator[str]:
    """What an event's own content must say to pass: by name alone it does."""
    yield from (rule.name for rule in gate.scopes)
    yield from (f"match {path}" for path in gate.destination.match if path != "name")
    yield from (name for name, _ in gate.routers)
