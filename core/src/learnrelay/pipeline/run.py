"""Runs events through a plan: filter → route (decided) → transform → enrich → route (applied).

One event in; for each standard exactly one outcome out. Pure and in memory: nothing here sleeps, stores or sends.
"""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum
from types import MappingProxyType
from typing import Any

from ..caching import BoundedCache
from ..errors import EventError, ProviderUnavailableError, TransformError, forget_frames
from ..events import SourceEvent
from ..fields import Body, Fields, value_at
from ..logs import ThrottledLogger
from ..mapping import Skip
from ..platform import Platform
from ..plugins.hook_trace import traced
from ..standards import SerializedStatement, Statement, to_json
from .error_places import describe_failure, describe_raised
from .mapping_cache import BoundMapping, MappingCache, bind_mapping
from .plan import Composing, Filter, MappingPlan, Plan
from .routing import NO_DESTINATION, DestinationRules, Route, decide_route, static_route
from .source_texts import with_constant_reason, with_constant_texts

log = logging.getLogger(__name__)
log_throttled = ThrottledLogger(log)

NOT_MAPPED = "no enabled transformer maps this event"
NOT_ROUTED = "no destination may have it"
NOT_ITS_OWN = "pseudonyms of its own: the standard's ids do not depend on the learner"
MAX_NAMES = 1_000
"""Names of events for which the composers of mappings of every event are kept."""
MAX_NAMES_BYTES = 2**22
"""Bytes of these, though most of what they hold is the same for all."""
MAX_STATEMENTS = 1_000
"""Statements that one event may become; an event with more questions than this is not a learner's."""


class OutcomeState(Enum):
    """Names what became of an event for one standard."""

    TRANSFORMED = "transformed"
    SKIPPED = "skipped"
    NOT_MAPPED = "not mapped"
    FAILED = "failed"


# looked up once: an Enum's attribute costs ten times a global name
_TRANSFORMED, _NOT_MAPPED = OutcomeState.TRANSFORMED, OutcomeState.NOT_MAPPED


_EMPTY: Mapping[str, Any] = MappingProxyType({})


@dataclass(slots=True)
class Outcome:
    """Holds what became of an event for one standard (all standards, where ``standard`` is empty).

    ``event``: name of the source event. ``statements``: finished, in order. ``destinations``: names of those
    that may have them. ``own``: destination with pseudonyms of its own → its statements. ``denied``: destination →
    reason. ``reason``: in words, for skipped, not mapped and failed. ``not_added``: parts of enrichers that stood there
    already, as ``enricher NAME: path``.
    """

    standard: str
    state: OutcomeState
    event: str = ""
    statements: Sequence[SerializedStatement] = ()
    destinations: tuple[str, ...] = ()
    own: Mapping[str, Sequence[SerializedStatement]] = field(default_factory=dict)
    denied: Mapping[str, str] = field(default_factory=dict)
    reason: str = ""
    error: EventError | None = None
    not_added: Sequence[str] = ()


@dataclass(slots=True)
class CompiledMapping:
    """Holds a mapping as the pipeline runs it: bound to its platform, with the rules of its standard's destinations.

    extract: body → declared values. call: these → what the composer makes statements of. own: destination with
    pseudonyms of its own → the same for its space. static_route: the route of every event, where no rule asks anything
    of one.
    """

    plan: MappingPlan
    extract: Callable[[Body], tuple[Any, ...]]
    call: BoundMapping
    own: Mapping[str, tuple[BoundMapping, Composing]]
    rules: Sequence[DestinationRules]
    static_route: Route | None


class Pipeline:
    """Runs events through a plan. Nothing that it keeps changes an outcome; any number of threads may share it."""

    def __init__(self, plan: Plan, caching: bool = True, only_routed: bool = False) -> None:
        """Takes ``caching``: whether results of mappings are cached, see `learnrelay.pipeline.mapping_cache`.

        ``only_routed``: composes nothing for a standard that has destinations, of which none may have the event: it is
        skipped. What statements lack is logged if the logger is at DEBUG now: to ask it for each event costs too much.
        """
        self.plan = plan
        self._logs_details = log.isEnabledFor(logging.DEBUG)
        self._caching = caching
        self._at_sites: dict[str, Pipeline] = {}
        self._only_routed = only_routed
        self._has_enrichers = bool(plan.enrichers)
        self._caches: dict[Platform, MappingCache] | None = {} if caching else None
        self._aging = _list_aging_platforms(plan)
        self._max_age = min(self._aging.values(), default=math.inf)
        self._renewal = time.monotonic() + self._max_age
        static_routes = {standard: static_route(rules) for standard, rules in plan.rules.items()}

        def compiled(mapping: MappingPlan) -> CompiledMapping:
            return CompiledMapping(
                mapping,
                mapping.values.extract,
                self._bind(mapping, mapping.shared),
                {name: (self._bind(mapping, composing), composing) for name, composing in mapping.own.items()},
                plan.rules.get(mapping.standard, ()),
                static_routes.get(mapping.standard, NO_DESTINATION),
            )

        self._mappings = {event: list(map(compiled, mappings)) for event, mappings in plan.mappings.items()}
        self._others = list(map(compiled, plan.others))
        self._others_by_name: BoundedCache[str, list[CompiledMapping]] = BoundedCache(MAX_NAMES, MAX_NAMES_BYTES)
        self._routed = {
            event: [(mapping, mapping.static_route) for mapping in mappings if mapping.static_route is not None]
            for event, mappings in self._mappings.items()
            if all(mapping.static_route is not None for mapping in mappings)
        }

    def _bind(self, mapping: MappingPlan, composing: Composing) -> BoundMapping:
        function = traced("mapping", mapping.transformer.name, mapping.transformer.call)
        call = bind_mapping(function, mapping.values.build, composing.platform, composing.prepare, mapping.check)
        if self._caches is None or composing.prepare is None:  # parts may be changed by who composes statements of them
            return call
        return self._caches.setdefault(composing.platform, MappingCache()).cached(call)

    def maps(self, name: str) -> bool:
        """Tells whether an enabled mapping takes events of a name."""
        return name in self._mappings or bool(self._others)

    def process(self, event: SourceEvent) -> list[Outcome]:
        """Returns one outcome for each standard that maps the event, or a single one for all of them."""
        if self._aging and time.monotonic() >= self._renewal:
            self._renew_answers()
        mappings = self._mappings.get(event.name)
        if mappings is None:
            if not self._others:
                return [unmapped_outcome(event.name)]
            mappings = self._others_of(event.name)
        if self.plan.sites is not None and (at_site := self._find_site(event)) is not None:
            return at_site.process(event)
        body = event.body
        for event_filter in self.plan.filters:
            try:
                skip = event_filter.judge(event)
            except Exception as error:
                skip = _failed_filter(event_filter, error)
            else:
                if skip is not None:
                    skip = with_constant_reason(skip, f"filter {event_filter.name}", event_filter.function)
            if skip is not None:
                log.debug("%s skipped: %s", event.shown_name, skip.reason)
                return [Outcome("", OutcomeState.SKIPPED, event.name, reason=skip.reason)]
        routed = self._routed.get(event.name)
        if routed is None:  # for all standards before the first mapping: nothing that one does widens who receives
            routed = [(mapping, mapping.static_route or decide_route(mapping.rules, body)) for mapping in mappings]
        outcomes = []
        for mapping, route in routed:
            outcomes.append(self._transform(mapping, event, body, route))
        return outcomes

    def _find_site(self, event: SourceEvent) -> Pipeline | None:
        """Returns the pipeline with the addresses of the event's site, made at its first event; None for the usual."""
        assert self.plan.sites is not None
        try:
            root_url = self.plan.sites.root_of(event.facts)
        except EventError:  # each standard reports it, as for an event of any site
            return None
        if root_url is None:
            return None
        if root_url not in self._at_sites:
            at_site = Pipeline(self.plan.at_site(root_url), self._caching, self._only_routed)
            self._at_sites.setdefault(root_url, at_site)
        return self._at_sites[root_url]

    def _renew_answers(self) -> None:
        self._renewal = time.monotonic() + self._max_age
        for platform in self._aging:
            platform.renew_answers()
            if self._caches is not None and platform in self._caches:
                self._caches[platform].renew()

    def _others_of(self, name: str) -> list[CompiledMapping]:
        """Returns the mappings of every event for a name that no mapping has. There is no end of such names."""
        known = self._others_by_name.entries.get(name)
        if known is None:
            known = [_named(mapping, name) for mapping in self._others]
            self._others_by_name.add(name, known)
        return known

    def statements(self, mapping: MappingPlan, event: SourceEvent) -> Sequence[SerializedStatement] | Skip:
        """Transforms, composes and enriches without a cache. Raises what the plugins raise."""
        composing = mapping.shared.named(event.name)
        extract, build = mapping.values
        call = bind_mapping(mapping.transformer.call, build, composing.platform, composing.prepare, mapping.check)
        return self._compose(mapping, event, extract(event.body), call, composing)

    def _compose(
        self,
        mapping: MappingPlan,
        event: SourceEvent,
        values: tuple[Any, ...],
        call: BoundMapping,
        composing: Composing,
        not_added: list[str] | None = None,
    ) -> Sequence[SerializedStatement] | Skip:
        parts = call(values)
        if type(parts) is Skip:
            return with_constant_reason(parts, mapping.transformer.name, mapping.transformer.function)
        facts = event.facts
        frame = composing.frame(facts)
        if type(frame) is Skip:
            return frame
        statements = composing.compose(facts, frame, parts)
        if type(statements) is Skip:
            return statements
        if len(statements) > MAX_STATEMENTS:
            raise TransformError(f"more than {MAX_STATEMENTS} statements of one event")
        if self._has_enrichers and (additions := self._additions(mapping, event.body)):
            return [_enriched(statement, additions, not_added) for statement in statements]
        for statement in statements:
            if type(statement) is not SerializedStatement:
                return [_serialized(statement) for statement in statements]
        return statements  # type: ignore[return-value]  # the loop has looked

    def _additions(self, mapping: MappingPlan, body: Body) -> Sequence[tuple[str, Mapping[str, Any]]]:
        additions = []
        for name, enrich in self.plan.enrichers:
            try:
                parts = enrich(body, mapping.standard)
            except Exception as error:
                raise TransformError(f"enricher {name} raised {describe_raised(error, enrich)}") from None
            if parts is None:
                continue
            if not isinstance(parts, Mapping):
                raise TransformError(f"enricher {name} gave {type(parts).__name__}, expected a mapping or None")
            additions.append((name, parts))
        return additions

    def _transform(self, mapping: CompiledMapping, event: SourceEvent, body: Body, route: Route) -> Outcome:
        plan = mapping.plan
        allowed, denials = route
        denied = {name: denial.reason for name, denial in denials.items()} if denials else _EMPTY
        if not allowed and mapping.rules and self._only_routed:
            log.debug("%s skipped for %s: %s", event.shown_name, plan.standard, NOT_ROUTED)
            return Outcome(plan.standard, OutcomeState.SKIPPED, event.name, denied=denied, reason=NOT_ROUTED)
        own: Mapping[str, Sequence[SerializedStatement]] = _EMPTY
        not_added: list[str] = []
        try:
            values = mapping.extract(body)
            statements = self._compose(plan, event, values, mapping.call, plan.shared, not_added)
            if type(statements) is Skip:
                log.debug("%s skipped for %s: %s", event.shown_name, plan.standard, statements.reason)
                return Outcome(plan.standard, OutcomeState.SKIPPED, event.name, reason=statements.reason)
            if mapping.own:
                own, refused = self._compose_own(mapping, event, values, statements, allowed)
                allowed = tuple(name for name in allowed if name not in mapping.own)
                denied = {**denied, **refused}
        except EventError as error:
            return failed_outcome(plan.standard, event, with_constant_texts(error, plan.transformer))
        except Exception as error:
            reason = describe_failure(error, plan.transformer, plan.shared.compose)
            return failed_outcome(plan.standard, event, TransformError(reason))
        if self._logs_details:
            _log_absent_fields(event, plan.transformer.reads)
            for name, reason in denied.items():
                log.debug("%s kept from %s: %s", event.shown_name, name, reason)
        return Outcome(plan.standard, _TRANSFORMED, event.name, statements, allowed, own, denied, "", None, not_added)

    def _compose_own(
        self,
        mapping: CompiledMapping,
        event: SourceEvent,
        values: tuple[Any, ...],
        shared: Sequence[SerializedStatement],
        allowed: tuple[str, ...],
    ) -> tuple[dict[str, Sequence[SerializedStatement]], dict[str, str]]:
        """Composes anew for each destination that has pseudonyms of its own: its statements, or why it has none."""
        own: dict[str, Sequence[SerializedStatement]] = {}
        denied: dict[str, str] = {}
        for name in [name for name in allowed if name in mapping.own]:
            statements = self._compose(mapping.plan, event, values, *mapping.own[name])
            if isinstance(statements, Skip):
                denied[name] = statements.reason
            elif _ids(statements).isdisjoint(_ids(shared).union(*map(_ids, own.values()))):
                own[name] = statements
            else:  # to the outbox it would be the same statement, and go out with the others' pseudonym
                denied[name] = NOT_ITS_OWN
        return own, denied


def _list_aging_platforms(plan: Plan) -> dict[Platform, float]:
    """Maps the platforms of which a provider's answers grow old to the age in seconds."""
    aging = {}
    for mapping in plan.list_mappings():
        for composing in (mapping.shared, *mapping.own.values()):
            platform = composing.platform
            ages = [age for age in (platform.identity.max_age, platform.courses.max_age) if age is not None]
            if ages:
                aging[platform] = min(ages)
    return aging


def _failed_filter(event_filter: Filter, error: Exception) -> Skip:
    """Returns the skip for an event that a filter cannot judge: it goes nowhere."""
    log_throttled(
        f"filter {event_filter.name} raised {describe_raised(error, event_filter.function)}: the event is skipped"
    )
    return Skip(f"filter {event_filter.name} failed")


def _named(mapping: CompiledMapping, event: str) -> CompiledMapping:
    own = {name: (call, composing.named(event)) for name, (call, composing) in mapping.own.items()}
    return replace(mapping, plan=mapping.plan.named(event), own=own)


def _enriched(
    statement: Statement | SerializedStatement,
    additions: Sequence[tuple[str, Mapping[str, Any]]],
    not_added: list[str] | None,
) -> SerializedStatement:
    parsed = statement.parsed if isinstance(statement, SerializedStatement) else statement
    for name, parts in additions:
        there = _add(parsed, parts)
        if not_added is not None:
            known = (f"enricher {name}: {path}" for path in there)
            not_added += [reason for reason in known if reason not in not_added]
    return _serialized(parsed)


def _serialized(statement: Statement | SerializedStatement) -> SerializedStatement:
    if isinstance(statement, SerializedStatement):
        return statement
    return SerializedStatement(statement["id"], to_json(statement))


def _add(statement: dict[str, Any], parts: Mapping[str, Any], prefix: str = "") -> list[str]:
    """Merges what an enricher gives: it adds keys, it never replaces or removes one.

    Returns the paths that stand there already, with another value.
    """
    there = []
    for key, value in parts.items():
        if value is None:
            continue
        path = f"{prefix}{key}"
        if isinstance(value, Mapping) and isinstance(inner := statement.get(key, {}), dict):
            statement[key] = inner = dict(inner)  # parts may be shared between events
            there += _add(inner, value, f"{path}.")
        elif key not in statement:
            statement[key] = value
        elif statement[key] != value:
            there.append(path)
    return there


def _ids(statements: Sequence[SerializedStatement]) -> set[str]:
    return {statement.id for statement in statements}


def unmapped_outcome(name: str) -> Outcome:
    """Returns the outcome of an event that no standard maps."""
    return Outcome("", _NOT_MAPPED, name, (), (), _EMPTY, _EMPTY, NOT_MAPPED)


def unavailable_provider(outcomes: Sequence[Outcome]) -> str:
    """Returns which provider did not answer, and why; empty where none was unavailable."""
    for outcome in outcomes:
        if isinstance(outcome.error, ProviderUnavailableError):
            return outcome.reason
    return ""


def failed_outcome(standard: str, event: SourceEvent, error: EventError) -> Outcome:
    """Logs why an event failed for a standard, and returns it as an outcome."""
    error.event_name, error.event_id = event.shown_name, event.id
    level = logging.DEBUG if isinstance(error, ProviderUnavailableError) else logging.WARNING  # the guard logs it once
    log.log(level, "%s for %s: %s", type(error).__name__, standard, error)
    forget_frames(error)
    return Outcome(standard, OutcomeState.FAILED, event.name, reason=error.reason, error=error)


def _log_absent_fields(event: SourceEvent, reads: type[Fields]) -> None:
    for name, declared in reads.declared.items():
        if not declared.needed and all(value_at(event.body, path) in (None, "", [], {}) for path in declared.paths):
            log.debug("%s: optional %s (%s) is absent", event.shown_name, name, " or ".join(declared.paths))
