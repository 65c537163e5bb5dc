"""Compiles the plan: how events of each name are processed, resolved once at start-up.

pluggy keeps the registrations, their order and their checks; on the way of an event only the tuples of callables
are used that its hooks hold (about a tenth of the cost). A test keeps the plan equal to what pluggy would answer.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from inspect import signature
from typing import Any

from ..errors import EventError, Problem
from ..events import SourceEvent
from ..facts import Facts
from ..fields import Fields, ValuesExtractor, compile_values, declared_paths
from ..frames import Frame, ObjectionList, frame_look_up
from ..mapping import ANY_EVENT, Skip, Transformer
from ..platform import Platform
from ..plugins.hook_trace import traced
from ..plugins.registry import Registry
from ..sources import CourseRef, Source
from ..standards import Compose, Prepare, Standard
from .constants import transformer_error
from .error_places import describe_raised
from .parts import PartsCheck, PartsDeclaration
from .routing import DestinationRules


@dataclass(frozen=True, slots=True)
class Composing:
    """Holds what composes a mapping's statements in one pseudonym space.

    frame: facts → what surrounds the statements, or a skip. compose_for: event name → its ``compose``, for a mapping of
    every event that declares the name.
    """

    platform: Platform
    frame: Callable[[Facts], Frame | Skip]
    prepare: Prepare | None
    compose: Compose
    compose_for: Callable[[str], Compose] | None = None

    def named(self, event: str) -> Composing:
        """Returns what composes statements of events of this name."""
        return self if self.compose_for is None else replace(self, compose=self.compose_for(event))


@dataclass(frozen=True, slots=True)
class MappingPlan:
    """Holds what turns events of one name into statements of one standard.

    shared: for all destinations of the standard. own: for each that has pseudonyms of its own. check: of its parts,
    where the standard declares them.
    """

    standard: str
    transformer: Transformer
    values: ValuesExtractor
    shared: Composing
    own: Mapping[str, Composing]
    check: PartsCheck | None = None

    def named(self, event: str) -> MappingPlan:
        """Returns the plan of a mapping of every event, for events of this name."""
        if self.shared.compose_for is None:
            return self
        own = {name: composing.named(event) for name, composing in self.own.items()}
        return replace(self, shared=self.shared.named(event), own=own)


@dataclass(frozen=True, slots=True)
class Sites:
    """Holds the addresses of the sites of one platform, by the organisation of a course.

    roots: organisation → root. read_key: key of a course → what it names.
    """

    roots: Mapping[str, str]
    read_key: Callable[[str], CourseRef]

    def root_of(self, facts: Facts) -> str | None:
        """Returns the root of the site of an event's course; None for that of the platform."""
        return self.roots.get(self.read_key(facts.course_id).org) if facts.course_id else None


@dataclass(slots=True)
class Filter:
    """Judges events before they are transformed.

    function: as pluggy holds it, which extracts what it reads from the body. judge_facts: the plugin's own function, of
    a source's filter that reads its facts, which every event has.
    """

    name: str
    function: Callable[..., Skip | None]
    judge_facts: Callable[[Facts], Skip | None] | None = None

    @property
    def reads(self) -> type[Fields]:
        """Returns what the filter reads."""
        return self.function.learnrelay_reads  # type: ignore[attr-defined, no-any-return]  # set by `hookimpl`

    def judge(self, event: SourceEvent) -> Skip | None:
        """Returns why an event is skipped; None to keep it. Raises what the plugin raises."""
        if self.judge_facts is None:
            return self.function(event.body)
        try:
            facts = event.facts
        except EventError:  # each standard reports it
            return None
        return self.judge_facts(facts)


@dataclass(frozen=True, slots=True)
class Plan:
    """Holds everything that the pipeline needs.

    mappings: event name → how each standard maps it; its keys are the allowlist, unless ``others`` maps every other
    name. rules: standard → the rules of its destinations. sites: where addresses depend on the course; recompose:
    makes the composing of a mapping for another platform and an event's name.
    """

    mappings: Mapping[str, tuple[MappingPlan, ...]]
    filters: tuple[Filter, ...]
    enrichers: tuple[tuple[str, Callable[..., Mapping[str, Any] | None]], ...]
    rules: Mapping[str, tuple[DestinationRules, ...]]
    others: tuple[MappingPlan, ...] = ()
    sites: Sites | None = None
    recompose: Callable[[Transformer, Platform, str], Composing] | None = None

    def at_site(self, root_url: str) -> Plan:
        """Returns the plan with the addresses of a site."""
        assert self.recompose is not None
        recompose = self.recompose
        platforms: dict[Platform, Platform] = {}

        def move(mapping: MappingPlan, event: str) -> MappingPlan:
            mapped_name = event if event in mapping.transformer.events else ANY_EVENT

            def move_composing(composing: Composing) -> Composing:
                platform = composing.platform
                if platform not in platforms:
                    platforms[platform] = platform.at(root_url)
                return recompose(mapping.transformer, platforms[platform], mapped_name)

            own = {name: move_composing(composing) for name, composing in mapping.own.items()}
            moved = replace(mapping, shared=move_composing(mapping.shared), own=own)
            return moved if event == mapped_name else moved.named(event)

        mappings = {event: tuple(move(mapping, event) for mapping in plans) for event, plans in self.mappings.items()}
        others = tuple(move(mapping, ANY_EVENT) for mapping in self.others)
        return replace(self, mappings=mappings, others=others, sites=None, recompose=None)

    def mappings_of(self, event: str) -> tuple[MappingPlan, ...]:
        """Returns how each standard maps events of a name."""
        return self.mappings.get(event) or tuple(mapping.named(event) for mapping in self.others)

    def list_mappings(self) -> Iterator[MappingPlan]:
        """Yields every mapping, once for each name of its events."""
        for of_event in (*self.mappings.values(), self.others):
            yield from of_event

    def narrow(self, standards: Collection[str], destinations: Collection[str] | None = None) -> Plan:
        """Returns the plan with these standards only, and with these destinations of theirs, if any are named."""
        mappings = {
            event: narrowed
            for event, of_event in self.mappings.items()
            if (narrowed := tuple(mapping for mapping in of_event if mapping.standard in standards))
        }
        others = tuple(mapping for mapping in self.others if mapping.standard in standards)
        if destinations is None:
            return replace(self, mappings=mappings, others=others)
        rules = {
            standard: tuple(rule for rule in of_standard if rule.destination.name in destinations)
            for standard, of_standard in self.rules.items()
        }
        return replace(self, mappings=mappings, rules=rules, others=others)


def transform_table(
    registry: Registry, prefer: Mapping[str, str], file: str
) -> tuple[dict[tuple[str, str], Transformer], list[Problem]]:
    """Builds ``(standard, event name) → transformer``, and a problem for each conflict that is not settled.

    ``prefer`` says which family wins: ``{"<standard>:<event name>": "<standard>.<family>"}``.
    """
    table: dict[tuple[str, str], Transformer] = {}
    problems: list[Problem] = []
    candidates: dict[tuple[str, str], list[Transformer]] = {}
    for transformer in registry.transformers:
        for event in transformer.events:
            candidates.setdefault((transformer.standard, event), []).append(transformer)
    for (standard, event), rivals in candidates.items():
        key = f"{standard}:{event}"
        winners = [rival for rival in rivals if rival.family == prefer.get(key)] or rivals
        if len(winners) == 1:
            table[standard, event] = winners[0]
            continue
        origins = " and ".join(f"{rival.name} ({registry.origin_of(rival)})" for rival in rivals)
        fix = f'say which one wins: [plugins.prefer] "{key}" = "{rivals[0].family}"'
        problems.append(Problem(file, "plugins.prefer", f"{standard} event {event} is mapped by {origins}; {fix}"))
    for key, family in prefer.items():
        standard, _, event = key.partition(":")
        if family not in {rival.family for rival in candidates.get((standard, event), [])}:
            problems.append(Problem(file, f"plugins.prefer.{key}", f"no enabled family {family} maps this event"))
    return table, problems


def stage(registry: Registry, hook: str) -> tuple[tuple[str, Callable[..., Any]], ...]:
    """Returns (plugin name, function) of a stage in calling order, as pluggy holds them."""
    implementations = getattr(registry.manager.hook, hook).get_hookimpls()
    return tuple((impl.plugin_name, impl.function) for impl in reversed(implementations))


def compile_filters(registry: Registry, source: Source | None) -> tuple[Filter, ...]:
    """Returns the filters, by the number of paths that they read; of equals the operator's order stays."""
    filters = [Filter(name, function) for name, function in stage(registry, "filter_event")]
    for own in filters:
        if source is not None and own.name == f"sources:{source.name}" and own.reads is source.facts:
            function = own.function.learnrelay_calls  # type: ignore[attr-defined]  # set where hooks are bound
            if [*signature(function).parameters] == ["fields"]:
                own.judge_facts = traced("filter_event", own.name, function)
    return tuple(sorted(filters, key=lambda each: len(list(declared_paths(each.reads)))))


def compile_plan(
    registry: Registry,
    table: Mapping[tuple[str, str], Transformer],
    standards: Mapping[str, Standard],
    platforms: Mapping[str, Platform],
    rules: Mapping[str, Iterable[DestinationRules]],
    own: Mapping[str, Mapping[str, Platform]] | None = None,
    objections: ObjectionList | None = None,
    sites: Sites | None = None,
) -> Plan:
    """Resolves hooks, extractors and composers, once. Raises PluginError where a standard cannot take a mapping.

    ``own``: standard → destinations with pseudonyms of their own → the platform as they see it. ``objections``: who
    gets no statements. ``sites``: where addresses depend on the course.
    """
    mappings: dict[str, list[MappingPlan]] = {}
    extractors: dict[type[Fields], ValuesExtractor] = {}
    frames: dict[Platform, Callable[[Facts], Frame | Skip]] = {}
    declared_parts = {
        name: PartsDeclaration(standard.parts) for name, standard in standards.items() if standard.parts is not None
    }

    def composing(transformer: Transformer, platform: Platform, event: str) -> Composing:
        standard = standards[transformer.standard]
        if platform not in frames:
            frames[platform] = frame_look_up(platform, standard.framer(platform), objections)
        try:
            prepare = standard.preparer(transformer, platform)
            compose = standard.composer(transformer, platform, event)
        except Exception as error:  # of the standard's code, for something that the mapping declares
            cause = (
                f"{transformer.standard} cannot compose its statements: it raised {describe_raised(error, standard)}"
            )
            raise transformer_error(transformer, cause, "check the constants beside reads=") from error
        is_named = event == ANY_EVENT and any(path == "name" for _, path, _ in declared_paths(transformer.reads))
        compose_for = partial(standard.composer, transformer, platform) if is_named else None
        return Composing(platform, frames[platform], prepare, compose, compose_for)

    for (name, event), transformer in table.items():
        if transformer.reads not in extractors:  # a family's standards, and events, read the same
            extractors[transformer.reads] = compile_values(transformer.reads)
        mappings.setdefault(event, []).append(
            MappingPlan(
                name,
                transformer,
                extractors[transformer.reads],
                composing(transformer, platforms[name], event),
                {
                    destination: composing(transformer, platform, event)
                    for destination, platform in (own or {}).get(name, {}).items()
                },
                PartsCheck(declared_parts[name], transformer) if name in declared_parts else None,
            )
        )
    others = tuple(mappings.pop(ANY_EVENT, ()))
    for event, of_event in mappings.items():
        mapped = {mapping.standard for mapping in of_event}
        of_event += [other.named(event) for other in others if other.standard not in mapped]
    return Plan(
        mappings={event: tuple(plans) for event, plans in mappings.items()},
        filters=compile_filters(registry, next((platform.source for platform in platforms.values()), None)),
        enrichers=stage(registry, "enrich_statement"),
        rules={standard: tuple(of_standard) for standard, of_standard in rules.items()},
        others=others,
        sites=sites,
        recompose=composing if sites is not None else None,
    )
