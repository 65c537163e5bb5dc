"""The pipeline: filter → transform → enrich → route, pure and in memory.

One event in; for each standard exactly one outcome out. Nothing here sleeps, stores or sends.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from types import MappingProxyType
from typing import Any

from .complaints import Complaints
from .errors import EventError, TransformError
from .events import SourceEvent
from .families import Skip
from .fields import Fields, value_at
from .plugins.plan import NOWHERE, Body, Decision, Gate, Plan, Step, decide, decided
from .saying import Sayer, Sayings, sayer
from .site import Site
from .standards import Compose, Prepare, Statement, Written, to_json

log = logging.getLogger(__name__)
complain = Complaints(log)

NOT_MAPPED = "no enabled transformer maps this event"
NOT_ITS_OWN = "pseudonyms of its own: the standard's ids do not depend on the learner"
MOST_STATEMENTS = 1_000
"""Statements that one event may become; an event with more questions than this is not a learner's."""


class State(Enum):
    """What became of an event for one standard."""

    TRANSFORMED = "transformed"
    SKIPPED = "skipped"
    NOT_MAPPED = "not mapped"
    FAILED = "failed"


# looked up once: an Enum's attribute costs ten times a global name
_TRANSFORMED, _NOT_MAPPED = State.TRANSFORMED, State.NOT_MAPPED


_EMPTY: Mapping[str, Any] = MappingProxyType({})


@dataclass(slots=True)
class Outcome:
    """What became of an event for one standard (all standards, where ``standard`` is empty).

    ``event``: name of the source event. ``statements``: finished, in order. ``destinations``: names of those
    that may have them. ``own``: destination with pseudonyms of its own → its statements. ``denied``: destination →
    reason. ``reason``: in words, for skipped, not mapped and failed.
    """

    standard: str
    state: State
    event: str = ""
    statements: Sequence[Written] = ()
    destinations: tuple[str, ...] = ()
    own: Mapping[str, Sequence[Written]] = field(default_factory=dict)
    denied: Mapping[str, str] = field(default_factory=dict)
    reason: str = ""
    error: EventError | None = None


@dataclass(slots=True)
class Way:
    """How an event becomes the statements of one standard, and who may have them.

    say, own: what is said, for all and for destinations with pseudonyms of their own. decision: on the destinations,
    where the gates ask nothing.
    """

    step: Step
    say: Sayer
    own: Mapping[str, tuple[Sayer, Compose]]
    gates: Sequence[Gate]
    decision: Decision | None


class Pipeline:
    """Runs events through a plan. Nothing that it keeps changes an outcome; any number of threads may share it."""

    def __init__(self, plan: Plan, remember: bool = True) -> None:
        """``remember``: what mappings said before, as `learnrelay.saying` does."""
        self.plan = plan
        sayings: dict[Site, Sayings] = {}

        def said_by(step: Step, site: Site, prepare: Prepare | None) -> Sayer:
            say = sayer(step.function, site, prepare)
            if not remember or prepare is None:  # words may be changed by who composes statements of them
                return say
            return sayings.setdefault(site, Sayings()).remembering(say)

        decisions = {standard: decided(gates) for standard, gates in plan.gates.items()}
        self._ways = {
            event: [
                Way(
                    step,
                    said_by(step, step.site, step.prepare),
                    {
                        name: (said_by(step, site, prepare), compose)
                        for name, (site, prepare, compose) in step.own.items()
                    },
                    plan.gates.get(step.standard, ()),
                    decisions.get(step.standard, NOWHERE),
                )
                for step in steps
            ]
            for event, steps in plan.steps.items()
        }
        self._routed = {
            event: [(way, way.decision) for way in ways if way.decision is not None]
            for event, ways in self._ways.items()
            if all(way.decision is not None for way in ways)
        }

    def process(self, event: SourceEvent) -> list[Outcome]:
        """One outcome for each standard that maps the event, or a single one for all of them."""
        ways = self._ways.get(event.name)
        if ways is None:
            return [Outcome("", _NOT_MAPPED, event.name, (), (), _EMPTY, _EMPTY, NOT_MAPPED)]
        body, filters = event.body, self.plan.filters
        routed = self._routed.get(event.name)
        if routed is None:  # before any plugin sees the event: what one does to its values cannot widen who receives it
            routed = [(way, way.decision or decide(way.gates, body)) for way in ways]
        if filters and (skip := _first_skip(filters, body)) is not None:
            log.debug("%s skipped: %s", event.name, skip.reason)
            return [Outcome("", State.SKIPPED, event.name, reason=skip.reason)]
        outcomes = []
        for way, route in routed:
            outcomes.append(self._transform(way, event, body, route))
        return outcomes

    def statements(self, step: Step, body: Body) -> Sequence[Written] | Skip:
        """What a step says of an event: transformed, composed, enriched. Raises what the plugins raise."""
        say = sayer(step.function, step.site, step.prepare)
        return self._say(step, body, step.extract(body), say, step.compose)

    def _say(self, step: Step, body: Body, values: Any, say: Sayer, compose: Compose) -> Sequence[Written] | Skip:
        said = say(values)
        if isinstance(said, Skip):
            return said
        made = compose(step.common(body), said)
        if isinstance(made, Skip):
            return made
        if len(made) > MOST_STATEMENTS:
            raise TransformError(f"more than {MOST_STATEMENTS} statements of one event")
        if self.plan.enrichers and (additions := self._additions(step, body)):
            return [_enriched(one, additions) for one in made]
        for one in made:
            if type(one) is not Written:
                return [_written(one) for one in made]
        return made  # type: ignore[return-value]  # the loop has looked

    def _additions(self, step: Step, body: Body) -> Sequence[Mapping[str, Any]]:
        additions = []
        for name, enrich in self.plan.enrichers:
            try:
                parts = enrich(body, step.standard)
            except Exception as error:
                raise TransformError(f"enricher {name} raised {type(error).__name__}") from None
            if parts is None:
                continue
            if not isinstance(parts, Mapping):
                raise TransformError(f"enricher {name} gave {type(parts).__name__}, expected a mapping or None")
            additions.append(parts)
        return additions

    def _transform(self, way: Way, event: SourceEvent, body: Body, route: Decision) -> Outcome:
        step = way.step
        allowed, denials = route
        denied = {name: denial.reason for name, denial in denials.items()} if denials else _EMPTY
        own: Mapping[str, Sequence[Written]] = _EMPTY
        try:
            values = step.extract(body)
            made = self._say(step, body, values, way.say, step.compose)
            if isinstance(made, Skip):
                log.debug("%s skipped for %s: %s", event.name, step.standard, made.reason)
                return Outcome(step.standard, State.SKIPPED, event.name, reason=made.reason)
            if way.own:
                own, refused = self._say_own(way, body, values, made, allowed)
                allowed = tuple(name for name in allowed if name not in way.own)
                denied = {**denied, **refused}
        except EventError as error:
            return _failed(step.standard, event, error)
        except Exception as error:
            reason = f"{step.transformer.name} raised {type(error).__name__}"
            return _failed(step.standard, event, TransformError(reason))
        if log.isEnabledFor(logging.DEBUG):
            _note_absent(event, step.transformer.reads)
            for name, reason in denied.items():
                log.debug("%s kept from %s: %s", event.name, name, reason)
        return Outcome(step.standard, _TRANSFORMED, event.name, made, allowed, own, denied)

    def _say_own(
        self, way: Way, body: Body, values: Any, made: Sequence[Written], allowed: tuple[str, ...]
    ) -> tuple[dict[str, Sequence[Written]], dict[str, str]]:
        """Say it once more for each destination that has pseudonyms of its own: its statements, or why it has none."""
        own: dict[str, Sequence[Written]] = {}
        denied: dict[str, str] = {}
        for name in [name for name in allowed if name in way.own]:
            theirs = self._say(way.step, body, values, *way.own[name])
            if isinstance(theirs, Skip):
                denied[name] = theirs.reason
            elif _ids(theirs).isdisjoint(_ids(made).union(*map(_ids, own.values()))):
                own[name] = theirs
            else:  # to the outbox it would be the same statement, and go out with the others' pseudonym
                denied[name] = NOT_ITS_OWN
        return own, denied


def _first_skip(filters: Sequence[tuple[str, Callable[[Body], Skip | None]]], body: Body) -> Skip | None:
    for name, keep in filters:
        try:
            skip = keep(body)
        except Exception as error:  # fail closed: an event that a filter cannot judge goes nowhere
            complain(f"filter {name} raised {type(error).__name__}: the event is skipped")
            skip = Skip(f"filter {name} failed")
        if skip is not None:
            return skip
    return None


def _enriched(one: Statement | Written, additions: Sequence[Mapping[str, Any]]) -> Written:
    statement = one.parsed if isinstance(one, Written) else one
    for parts in additions:
        _add(statement, parts)
    return _written(statement)


def _written(one: Statement | Written) -> Written:
    if isinstance(one, Written):
        return one
    return Written(one["id"], to_json(one))


def _add(statement: dict[str, Any], parts: Mapping[str, Any]) -> None:
    """Merge what an enricher gives: it adds keys, it never replaces or removes one."""
    for key, value in parts.items():
        if isinstance(value, Mapping):
            inner = statement.get(key, {})
            if isinstance(inner, dict):
                statement[key] = inner = dict(inner)  # a mapping may share what it says between events
                _add(inner, value)
        elif value is not None:
            statement.setdefault(key, value)


def _ids(statements: Sequence[Written]) -> set[str]:
    return {statement.id for statement in statements}


def _failed(standard: str, event: SourceEvent, error: EventError) -> Outcome:
    error.event_name, error.event_id = event.name, event.id
    log.warning("%s for %s: %s", type(error).__name__, standard, error)
    return Outcome(standard, State.FAILED, event.name, reason=error.reason, error=error)


def _note_absent(event: SourceEvent, reads: type[Fields]) -> None:
    for name, field_ in reads.declared.items():
        if not field_.needed and all(value_at(event.body, path) in (None, "", [], {}) for path in field_.paths):
            log.debug("%s: optional %s (%s) is absent", event.name, name, " or ".join(field_.paths))
