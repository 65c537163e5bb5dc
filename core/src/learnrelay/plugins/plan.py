"""The plan: what happens to an event of each name, resolved once at start-up.

pluggy keeps the registrations, their order and their checks; on the way of an event only the tuples of callables
are used that its hooks hold (about a tenth of the cost). A test keeps the plan equal to what pluggy would answer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, NamedTuple

from ..config.models import Destination
from ..errors import Problem
from ..families import Say, Skip, Transformer
from ..fields import compile_extractor
from ..routing import Check, Denial, ScopeRule, first_denial
from ..site import Site
from ..standards import Compose, Prepare, Standard
from .registry import Registry

Body = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Step:
    """How one standard says the events of one name; ``own``: for destinations with pseudonyms of their own."""

    standard: str
    transformer: Transformer
    common: Callable[[Body], Any]
    extract: Callable[[Body], Any]
    function: Say
    site: Site
    prepare: Prepare | None
    compose: Compose
    own: Mapping[str, tuple[Site, Prepare | None, Compose]]


class Gate(NamedTuple):
    """A destination and all that an event must pass to reach it: checks, scopes, and what routing plugins say."""

    destination: Destination
    checks: tuple[tuple[str, Check], ...] = ()
    scopes: tuple[ScopeRule, ...] = ()
    routers: tuple[tuple[str, Check], ...] = ()


Decision = tuple[tuple[str, ...], Mapping[str, Denial]]
"""Names of the destinations that may have an event, and what denies it to the others."""

_NONE: Mapping[str, Denial] = MappingProxyType({})
NOWHERE: Decision = (), _NONE
"""The decision where there is no destination."""


def decided(gates: Sequence[Gate]) -> Decision | None:
    """What `decide` says of every event, where no gate asks anything; else None."""
    if any(gate.checks or gate.scopes or gate.routers for gate in gates):
        return None
    return tuple(gate.destination.name for gate in gates), _NONE


def decide(gates: Sequence[Gate], body: Body) -> Decision:
    """Ask each gate. The scopes of all are looked at before the first plugin: none can change what they see."""
    passed: list[Gate] = []
    allowed: list[str] = []
    denied: dict[str, Denial] = {}
    told: dict[Any, Any] = {}
    for gate in gates:
        destination, checks, scopes, _ = gate
        denial = first_denial(checks, body) if checks else None
        if denial is None:
            for rule in scopes:
                denial = rule.denial(body, told)
                if denial is not None:
                    break
        if denial is None:
            passed.append(gate)
        else:
            denied[destination.name] = denial
    for destination, _, _, routers in passed:
        denial = first_denial(routers, body) if routers else None
        if denial is None:
            allowed.append(destination.name)
        else:
            denied[destination.name] = denial
    return tuple(allowed), denied


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything the pipeline needs. ``steps`` has an entry for each mapped event name: it is the allowlist."""

    steps: Mapping[str, tuple[Step, ...]]
    filters: tuple[tuple[str, Callable[..., Skip | None]], ...]
    enrichers: tuple[tuple[str, Callable[..., Mapping[str, Any] | None]], ...]
    gates: Mapping[str, tuple[Gate, ...]]


def transform_table(
    registry: Registry, prefer: Mapping[str, str], file: str
) -> tuple[dict[tuple[str, str], Transformer], list[Problem]]:
    """``(standard, event name) → transformer``, and a problem for each conflict that the operator has not settled.

    ``prefer`` says which family wins: ``{"<standard>:<event name>": "<standard>.<family>"}``.
    """
    table: dict[tuple[str, str], Transformer] = {}
    problems: list[Problem] = []
    rivals: dict[tuple[str, str], list[Transformer]] = {}
    for transformer in registry.transformers:
        for event in transformer.events:
            rivals.setdefault((transformer.standard, event), []).append(transformer)
    for (standard, event), candidates in rivals.items():
        key = f"{standard}:{event}"
        winners = [one for one in candidates if one.family == prefer.get(key)] or candidates
        if len(winners) == 1:
            table[standard, event] = winners[0]
            continue
        origins = " and ".join(f"{one.name} ({registry.origin_of(one)})" for one in candidates)
        fix = f'say which one wins: [plugins.prefer] "{key}" = "{candidates[0].family}"'
        problems.append(Problem(file, "plugins.prefer", f"{standard} event {event} is mapped by {origins}; {fix}"))
    for key, family in prefer.items():
        standard, _, event = key.partition(":")
        if family not in {one.family for one in rivals.get((standard, event), [])}:
            problems.append(Problem(file, f"plugins.prefer.{key}", f"no enabled family {family} maps this event"))
    return table, problems


def stage(registry: Registry, hook: str) -> tuple[tuple[str, Callable[..., Any]], ...]:
    """(plugin name, function) of a stage in calling order, as pluggy holds them."""
    implementations = getattr(registry.manager.hook, hook).get_hookimpls()
    return tuple((impl.plugin_name, impl.function) for impl in reversed(implementations))


def compile_plan(
    registry: Registry,
    table: Mapping[tuple[str, str], Transformer],
    standards: Mapping[str, Standard],
    sites: Mapping[str, Site],
    gates: Mapping[str, Iterable[Gate]],
    own: Mapping[str, Mapping[str, Site]] | None = None,
) -> Plan:
    """Resolve hooks, extractors and composers, once. All arguments have been checked before.

    ``own``: standard → destinations with pseudonyms of their own → the platform as they see it.
    """
    steps: dict[str, list[Step]] = {}
    composers: dict[int, tuple[Any, ...]] = {}
    for (name, event), transformer in table.items():
        standard, site = standards[name], sites[name]
        if id(transformer) not in composers:
            composers[id(transformer)] = (
                compile_extractor(standard.common),
                compile_extractor(transformer.reads),
                transformer.function,
                site,
                standard.preparer(transformer, site),
                standard.composer(transformer, site),
                {
                    destination: (
                        theirs,
                        standard.preparer(transformer, theirs),
                        standard.composer(transformer, theirs),
                    )
                    for destination, theirs in (own or {}).get(name, {}).items()
                },
            )
        steps.setdefault(event, []).append(Step(name, transformer, *composers[id(transformer)]))
    return Plan(
        steps={event: tuple(found) for event, found in steps.items()},
        filters=stage(registry, "filter_event"),
        enrichers=stage(registry, "enrich_statement"),
        gates={standard: tuple(of_standard) for standard, of_standard in gates.items()},
    )
