"""Derives the data map: for each enabled event, which source path reaches which output path and destination.

It is derived by running the mappings (`learnrelay.privacy.tracing`), so it shows what they do.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from random import choice

from ..assembly.assemble import Assembly
from ..fields import Field, Fields, declared_paths
from ..forked_map import forked_map
from ..lookups.courses import NoCourses
from ..mapping import ANY_EVENT
from ..personal_data import Grade
from ..pipeline.plan import MappingPlan, Plan, compile_plan
from ..pipeline.routing import DestinationRules, NameRule
from ..pipeline.run import Pipeline
from ..platform import Platform
from .flow_cache import FlowCache
from .grades import OPEN_TEXT, grade_of
from .shipped_flows import FlowName, Flows, Frame
from .tracing import Form, Leaves, TracedCourses, TracedIdentity, Tracer

log = logging.getLogger(__name__)

_Key = tuple[int, bool]
Task = tuple[str, int, bool]
"""Event, place of the standard among its mappings, and whether with pseudonyms of one destination."""


@dataclass(frozen=True, slots=True)
class DestinationAccess:
    """Names a destination that may get an event, and the rules on which that depends; none for always."""

    name: str
    rules: tuple[str, ...]

    def __str__(self) -> str:
        """Shows ``partner (scope org)``."""
        return f"{self.name} ({', '.join(self.rules)})" if self.rules else self.name


@dataclass(frozen=True, slots=True)
class Row:
    """Describes a flow: a source path of an event, and an output path that shows it in some form.

    ``output`` and ``form`` are empty for a path that is read, but not put out.
    """

    event: str
    standard: str
    family: str
    source: str
    grade: Grade
    output: str
    form: Form | None
    reason: str
    destinations: tuple[DestinationAccess, ...]


@dataclass(frozen=True, slots=True)
class _EventRows:
    """Describes rows to come: of an event in a standard, to these destinations; ``own``: with their own pseudonyms."""

    event: str
    place: int
    mapping: MappingPlan
    rules: list[DestinationRules]
    own: list[DestinationRules]

    def key(self, own: bool) -> _Key:
        return id(self.mapping.transformer), own


class _Flows:
    """Traces the mappings of an assembly."""

    def __init__(self, assembly: Assembly, frame: Frame | None = None) -> None:
        self.plans = {own: _traced_plan(assembly, own, frame) for own in (False, True)}
        self._pipelines = {own: Pipeline(plan) for own, plan in self.plans.items()}
        self._enrichers = list(_reads_of(assembly, "enrich_statement").values())
        self._source = assembly.source

    def trace(self, task: Task) -> Flows:
        """Traces one mapping."""
        event, place, own = task
        mapping = self.plans[own].mappings_of(event)[place]
        return Tracer(self._pipelines[own], mapping, event, self._source, *self._enrichers).trace()


def derive_data_map(
    assembly: Assembly,
    events: Collection[str] = (),
    destinations: Collection[str] = (),
    watch: Callable[[Sequence[str]], Iterable[str]] = iter,
    processes: int = 1,
    cache: FlowCache | None = None,
) -> list[Row]:
    """Lists all flows of these events (by default of all enabled ones), by event, standard, source and output path.

    ``destinations``: those whose flows are wanted; by default all flows, also of what nobody gets.

    Where a destination with pseudonyms of its own gets a value in another form, it has rows of its own.

    ``watch``: yields the names of the events one by one, to show the progress. ``processes``: how many run the mappings
    at once, where the system can fork. ``cache``: what was traced before, and is not traced again.
    """
    flows = _Flows(assembly)
    plan = flows.plans[False]
    mapped = [*plan.mappings, *([ANY_EVENT] if plan.others else ())]
    wanted: dict[str, list[_EventRows]] = {}
    for event in sorted(events or mapped):
        for place, mapping in enumerate(plan.mappings_of(event)):
            rules = [rules for rules in assembly.plan.rules.get(mapping.standard, ()) if _lets_pass(rules, event)]
            if destinations:
                rules = [candidate for candidate in rules if candidate.destination.name in destinations]
                if not rules:
                    continue
            own = [candidate for candidate in rules if candidate.destination.pseudonyms == "own"]
            wanted.setdefault(event, []).append(_EventRows(event, place, mapping, rules, own))
    tasks: dict[_Key, Task] = {}
    for of_event in wanted.values():
        for part in of_event:
            for is_own in (False, True)[: 1 + bool(part.own)]:
                tasks.setdefault(part.key(is_own), (part.event, part.place, is_own))
    rows: list[Row] = []
    names = {key: _name_task(plan, task) for key, task in tasks.items()}
    traced = _find_known(flows, tasks, names, cache) if cache else {}
    pending_tasks = {key: task for key, task in tasks.items() if key not in traced}
    try:
        with forked_map(flows.trace, min(processes, len(pending_tasks))) as trace:
            pending = zip(pending_tasks, trace(pending_tasks.values()), strict=True)

            def traced_flows(part: _EventRows, own: bool) -> Flows:
                while part.key(own) not in traced:  # results come in the order of the tasks
                    key, (_, result) = next(pending)
                    traced[key] = result
                    if cache:
                        cache.add(names[key], result)
                return traced[part.key(own)]

            for event in watch(list(wanted)):
                for part in wanted[event]:
                    rules, shared = part.rules, traced_flows(part, False)
                    if part.own and (own_flows := traced_flows(part, True)) != shared:
                        rows += _rows(assembly, event, part.mapping, part.own, own_flows)
                        rules = [candidate for candidate in rules if candidate.destination.pseudonyms != "own"]
                    if rules or not part.own:
                        rows += _rows(assembly, event, part.mapping, rules, shared)
    finally:
        if cache:
            cache.save()
    return sorted(rows, key=_order)


def _find_known(
    flows: _Flows, tasks: Mapping[_Key, Task], names: Mapping[_Key, FlowName], cache: FlowCache
) -> dict[_Key, Flows]:
    """Finds what needs no tracing. One of the shipped flows, drawn anew each time, is traced and has to be the same."""

    def find() -> dict[_Key, Flows]:
        return {key: known for key, name in names.items() if (known := cache.find(name)) is not None}

    known = find()
    shipped = [key for key in known if cache.is_shipped(names[key])]
    if not shipped:
        return known
    drawn = choice(shipped)  # noqa: S311  # no secret
    if (now := flows.trace(tasks[drawn])) == known[drawn]:
        return known
    log.warning("%s: the flows that its package ships are not those of its code: all are derived", names[drawn].family)
    cache.disbelieve_shipped()
    return {**find(), drawn: now}


def _name_task(plan: Plan, task: Task) -> FlowName:
    event, place, own = task
    mapping = plan.mappings_of(event)[place]
    return FlowName(mapping.standard, mapping.transformer.family, own, event)


def _order(row: Row) -> tuple[object, ...]:
    return row.event, row.standard, row.source, [str(destination) for destination in row.destinations], row.output


def trace_frames(
    assembly: Assembly, frames: Iterable[tuple[Frame, bool]], processes: int = 1
) -> Iterator[tuple[Frame, FlowName, Flows]]:
    """Traces all enabled mappings in each of these frames, without what enrichers read."""
    for frame, own in frames:
        flows = _Flows(assembly, frame)
        plan = flows.plans[own]
        tasks: dict[int, Task] = {}
        names: dict[int, list[FlowName]] = {}
        for event in [*plan.mappings, *([ANY_EVENT] if plan.others else ())]:
            for place, mapping in enumerate(plan.mappings_of(event)):
                task = tasks.setdefault(id(mapping.transformer), (event, place, own))
                names.setdefault(id(mapping.transformer), []).append(_name_task(plan, (event, place, task[2])))
        with forked_map(flows.trace, processes) as trace:
            for key, (_, traced) in zip(tasks, trace(tasks.values()), strict=True):
                yield from ((frame, name, traced) for name in names[key])


def trace_sample(assembly: Assembly, event: str, standard: str) -> Leaves:
    """Returns the statements of a sample of an event as output path → values."""
    tracer = _make_tracer(assembly, event, standard)
    return {} if tracer is None else tracer.trace_sample()


def trace_flows(assembly: Assembly, event: str, standard: str, frame: Frame | None = None) -> Flows:
    """Returns what becomes of each path that the mapping of an event declares, without what enrichers read."""
    tracer = _make_tracer(assembly, event, standard, frame)
    return {} if tracer is None else tracer.trace()


def _make_tracer(assembly: Assembly, event: str, standard: str, frame: Frame | None = None) -> Tracer | None:
    of_event = {key: transformer for key, transformer in assembly.table.items() if key[1] in (event, ANY_EVENT)}
    plan = _traced_plan(
        replace(assembly, table=of_event), frame=frame
    )  # to compile the whole plan takes longer than to trace
    for mapping in plan.mappings_of(event):
        if mapping.standard == standard:
            return Tracer(Pipeline(plan), mapping, event, assembly.source)
    return None


def _traced_plan(assembly: Assembly, own: bool = False, frame: Frame | None = None) -> Plan:
    """Compiles the plan with providers that can be traced; ``own``: for destinations with pseudonyms of their own."""
    frame = frame or Frame.of(assembly.config)
    identity = TracedIdentity(frame.addresses, frame.by_both)
    courses = TracedCourses() if frame.titles else NoCourses({})
    platforms = {
        name: Platform(assembly.config.root_url, assembly.source, identity, courses, name, own)
        for name in assembly.standards
    }
    return compile_plan(assembly.registry, assembly.table, assembly.standards, platforms, {})


def _rows(
    assembly: Assembly, event: str, mapping: MappingPlan, rules: Sequence[DestinationRules], traced: Flows
) -> Iterator[Row]:
    destinations = tuple(DestinationAccess(candidate.destination.name, tuple(_rules(candidate))) for candidate in rules)
    reads = [mapping.transformer.reads, assembly.source.facts, *_reads_of(assembly, "enrich_statement").values()]
    fields = {path: field for declaration in reversed(reads) for path, field in _declared(declaration)}
    names = assembly.source.personal_names
    deciders = {path: why for path, why in _deciders(assembly, rules) if path not in traced}
    for source, outputs in [*traced.items(), *((path, _NOTHING) for path in deciders)]:
        field = fields.get(source)
        grade = grade_of(source, names, field.kind if field and not field.entries else None)
        if event == ANY_EVENT and source == "name":  # such as the path of a request, in which anything may be typed
            grade = Grade.INDIRECT
        reason = deciders.get(source) or (field.reason if field else "")
        if not reason and grade is not grade_of(source, names):
            reason = OPEN_TEXT
        for output, form in outputs.items() or [("", None)]:
            yield Row(
                event, mapping.standard, mapping.transformer.family, source, grade, output, form, reason, destinations
            )  # fmt: skip


_NOTHING: dict[str, Form] = {}


def _reads_of(assembly: Assembly, hook: str) -> dict[str, type[Fields]]:
    """Maps each plugin of a stage to the fields that it declares."""
    implementations = getattr(assembly.registry.manager.hook, hook).get_hookimpls()
    return {impl.plugin_name: impl.function.learnrelay_reads for impl in implementations}


def _deciders(assembly: Assembly, rules: Sequence[DestinationRules]) -> Iterator[tuple[str, str]]:
    """Yields the paths that decide whether an event is routed to these destinations, with their readers and reasons."""
    readers: list[tuple[str, str, str]] = []

    def add(reader: str, reads: type[Fields]) -> None:
        readers.extend((path, field.reason, reader) for path, field in _declared(reads))

    for name, reads in _reads_of(assembly, "filter_event").items():
        add(f"filter {name}", reads)
    if rules:
        for name, reads in _reads_of(assembly, "route_event").items():
            add(f"router {name}", reads)
    for candidate in rules:
        for scope in candidate.scopes:
            add(f"{scope.name} of {candidate.destination.name}", scope.reads)
        readers += [(path, "", f"match of {candidate.destination.name}") for path in candidate.destination.match]
    for path in dict.fromkeys(path for path, _, _ in readers):
        by_reason: dict[str, list[str]] = {}
        for _, reason, reader in (entry for entry in readers if entry[0] == path):
            by_reason.setdefault(reason, []).append(reader)
        yield path, "; ".join(f"read by {', '.join(who)}{why and f': {why}'}" for why, who in by_reason.items())


def _declared(reads: type[Fields]) -> Iterator[tuple[str, Field]]:
    for _, path, field in declared_paths(reads):
        yield path.removesuffix(".**"), field


def _lets_pass(rules: DestinationRules, event: str) -> bool:
    """Tells whether the rules allow an event of this name at all."""
    return all(check.allows(event) for _, check in rules.checks if isinstance(check, NameRule))


def _rules(rules: DestinationRules) -> Iterator[str]:
    """Yields the rules that depend on an event's content; without any, its name decides."""
    yield from (rule.name for rule in rules.scopes)
    yield from (f"match {path}" for path in rules.destination.match if path != "name")
    yield from (name for name, _ in rules.routers)
