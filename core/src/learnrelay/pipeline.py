"""The pipeline: filter → transform → enrich → route, pure and in memory.

One event in; for each standard exactly one outcome out. Nothing here sleeps, stores or sends.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

import orjson

from .errors import EventError, TransformError
from .events import SourceEvent
from .families import Skip
from .fields import Fields, value_at
from .plugins.plan import Gate, Plan, Step
from .routing import first_denial
from .standards import Statement

log = logging.getLogger(__name__)

NOT_MAPPED = "no enabled transformer maps this event"
MOST_STATEMENTS = 1_000
"""Statements that one event may become; an event with more questions than this is not a learner's."""


class State(Enum):
    """What became of an event for one standard."""

    TRANSFORMED = "transformed"
    SKIPPED = "skipped"
    NOT_MAPPED = "not mapped"
    FAILED = "failed"


@dataclass(slots=True)
class Outcome:
    """What became of an event for one standard (all standards, where ``standard`` is empty).

    ``event``: name of the source event. ``statements``: finished, in order. ``destinations``: names of those
    that may have them. ``denied``: destination → reason. ``reason``: in words, for skipped, not mapped and failed.
    """

    standard: str
    state: State
    event: str = ""
    statements: list[Statement] = field(default_factory=list)
    destinations: tuple[str, ...] = ()
    denied: dict[str, str] = field(default_factory=dict)
    reason: str = ""
    error: EventError | None = None


class Pipeline:
    """Runs events through a plan. Holds no state between events; any number of threads may share it."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan

    def process(self, event: SourceEvent) -> list[Outcome]:
        """One outcome for each standard that maps the event, or a single one for all of them."""
        steps = self.plan.steps.get(event.name)
        if steps is None:
            return [Outcome("", State.NOT_MAPPED, event.name, reason=NOT_MAPPED)]
        body = event.body
        for name, decide in self.plan.filters:
            try:
                skip = decide(fields=body)
            except Exception as error:  # fail closed: an event that a filter cannot judge goes nowhere
                log.error("filter %s raised %s: the event is skipped", name, type(error).__name__)
                skip = Skip(f"filter {name} failed")
            if skip is not None:
                log.debug("%s skipped: %s", event.name, skip.reason)
                return [Outcome("", State.SKIPPED, event.name, reason=skip.reason)]
        return [self._transform(step, event) for step in steps]

    def _transform(self, step: Step, event: SourceEvent) -> Outcome:
        body = event.body
        try:
            values = step.extract(body)
            said = step.function(values, step.site)
            made = said if isinstance(said, Skip) else step.compose(step.common(body), said)
            if isinstance(made, Skip):
                log.debug("%s skipped for %s: %s", event.name, step.standard, made.reason)
                return Outcome(step.standard, State.SKIPPED, event.name, reason=made.reason)
            if len(made) > MOST_STATEMENTS:
                raise TransformError(f"more than {MOST_STATEMENTS} statements of one event")
            statements = list(made)
            for name, enrich in self.plan.enrichers:
                _enrich(name, enrich, body, step.standard, statements)
        except EventError as error:
            return _failed(step.standard, event, error)
        except Exception as error:
            reason = f"{step.transformer.name} raised {type(error).__name__}"
            return _failed(step.standard, event, TransformError(reason))
        if log.isEnabledFor(logging.DEBUG):
            _note_absent(event, step.transformer.reads)
        outcome = Outcome(step.standard, State.TRANSFORMED, event.name, statements)
        gates = self.plan.gates.get(step.standard)
        if gates:
            _route(gates, body, outcome)
        return outcome


def _enrich(
    name: str, enrich: Callable[..., Any], body: Mapping[str, Any], standard: str, statements: list[Statement]
) -> None:
    try:
        parts = enrich(fields=body, standard=standard)
    except Exception as error:
        raise TransformError(f"enricher {name} raised {type(error).__name__}") from None
    if parts is None:
        return
    if not isinstance(parts, Mapping):
        raise TransformError(f"enricher {name} gave {type(parts).__name__}, expected a mapping or None")
    for statement in statements:
        _add(statement, parts)


def serialise(statement: Statement) -> bytes:
    """A statement as JSON. Raises TransformError where a plugin put something into it that JSON cannot say."""
    try:
        return orjson.dumps(statement)
    except TypeError:
        raise TransformError("the statement cannot be written as JSON") from None


def _route(gates: tuple[Gate, ...], body: Mapping[str, Any], outcome: Outcome) -> None:
    allowed = []
    for gate in gates:
        reason = first_denial(gate.checks, body) if gate.checks else None
        if reason is None:
            allowed.append(gate.destination.name)
        else:
            outcome.denied[gate.destination.name] = reason
            log.debug("%s kept from %s: %s", body["name"], gate.destination.name, reason)
    outcome.destinations = tuple(allowed)


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


def _failed(standard: str, event: SourceEvent, error: EventError) -> Outcome:
    error.event_name, error.event_id = event.name, event.id
    log.warning("%s for %s: %s", type(error).__name__, standard, error)
    return Outcome(standard, State.FAILED, event.name, reason=error.reason, error=error)


def _note_absent(event: SourceEvent, reads: type[Fields]) -> None:
    for name, field_ in reads.declared.items():
        if not field_.needed and all(value_at(event.body, path) in (None, "", [], {}) for path in field_.paths):
            log.debug("%s: optional %s (%s) is absent", event.name, name, " or ".join(field_.paths))
