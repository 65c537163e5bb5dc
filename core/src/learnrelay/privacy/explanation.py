"""Explains how the pipeline handles one event, stage by stage, with its values hidden."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import orjson

from ..assembly.assemble import Assembly
from ..events import SourceEvent
from ..fields import ENTRY_KEY, Fields, value_at
from ..kinds import INVALID, described, is_strict
from ..pipeline.error_places import describe_raised, list_frames
from ..pipeline.plan import MappingPlan
from ..pipeline.routing import DestinationRules, decide_route
from ..pipeline.run import NOT_MAPPED, Outcome, OutcomeState, Pipeline
from ..reading.lines import LONGEST_LINE
from .data_map import trace_sample
from .masking import HIDDEN, describe_type, shown_event_name
from .tracing import Leaves, below

_LEVELS = 10  # more than the output puts around a value


def select_event(content: bytes) -> bytes:
    """Returns the text of the one event in a content. Raises ValueError with the reason where there are more."""
    if len(content) > LONGEST_LINE:
        raise ValueError(f"more than {LONGEST_LINE:,} bytes; one event is wanted")
    lines = [line for line in content.splitlines() if line.strip()]
    if len(lines) > 1 and all(line.rstrip().endswith(b"}") and b"{" in line for line in lines):
        raise ValueError("several lines; one event is wanted")
    return content


def explain_event(assembly: Assembly, event: SourceEvent, *, show_values: bool = False) -> dict[str, Any]:
    """Describes how the pipeline handles an event, in JSON types. The outcomes are those of the pipeline itself."""
    pipeline = Pipeline(assembly.plan)
    mappings = assembly.plan.mappings_of(event.name)
    filters = list(_filters(assembly, event)) if mappings else []
    outcomes = {outcome.standard: outcome for outcome in pipeline.process(event)}
    is_named = event.name in assembly.plan.mappings
    return {
        "event": {
            "readable": True, "id": event.id,
            "name": shown_event_name(event.name, is_known=is_named or show_values),
            "parts": {key: describe_type(value) for key, value in event.body.items() if key != "name"},
            **({"values": {key: _shown(value) for key, value in event.body.items()}} if show_values else {}),
        },
        "filters": filters,
        "standards": [
            _standard(assembly, event, mapping, outcomes.get(mapping.standard) or outcomes[""], show_values)
            for mapping in mappings
        ] or [{"standard": "", "state": OutcomeState.NOT_MAPPED.value, "reason": NOT_MAPPED}],
    }  # fmt: skip


def outline_statement(assembly: Assembly, payload: bytes, event: str, standard: str) -> Any:
    """Returns a stored statement with its keys and the constants of the event's mapping; all other values are hidden.

    Where no enabled mapping makes such statements of the event any more, all values are hidden.
    """
    return _outline(orjson.loads(payload), trace_sample(assembly, event, standard))


def add_tracebacks(assembly: Assembly, event: SourceEvent, explanation: dict[str, Any]) -> None:
    """Adds the lines of code that led to the failure of each mapping that failed."""
    pipeline = Pipeline(assembly.plan)
    for mapping, standard in zip(assembly.plan.mappings_of(event.name), explanation["standards"], strict=False):
        if standard["state"] == OutcomeState.FAILED.value:
            try:
                pipeline.statements(mapping, event)
            except Exception as error:
                standard["traceback"] = list(list_frames(error))


def _filters(assembly: Assembly, event: SourceEvent) -> Iterator[dict[str, Any]]:
    is_named = event.name in assembly.plan.mappings
    reason = "an enabled mapping has this name" if is_named else "an enabled mapping takes every event"
    yield {"filter": "allowlist", "keeps": True, "reason": reason}
    for event_filter in assembly.plan.filters:
        try:
            skip = event_filter.judge(event)
            keeps, reason = skip is None, "" if skip is None else skip.reason
        except Exception as error:
            keeps, reason = False, f"raised {describe_raised(error, event_filter.function)}"
        yield {"filter": event_filter.name, "keeps": keeps, "reason": reason}
        if not keeps:
            return


def _standard(
    assembly: Assembly, event: SourceEvent, mapping: MappingPlan, outcome: Outcome, show_values: bool
) -> dict[str, Any]:
    explanation: dict[str, Any] = {
        "standard": mapping.standard,
        "transformer": mapping.transformer.name,
        "about": mapping.transformer.about,
        "fields": [
            *_fields(event.body, mapping.transformer.reads, show_values),
            *_fields(event.body, assembly.source.facts, show_values),
        ],
        "state": outcome.state.value,
    }
    if outcome.reason:
        explanation["reason"] = outcome.reason
    if outcome.error is not None and outcome.error.path:
        explanation["path"] = outcome.error.path
    if outcome.state is OutcomeState.TRANSFORMED:
        own = {} if show_values else trace_sample(assembly, event.name, mapping.standard)
        statements = [statement.parsed for statement in outcome.statements]
        explanation["statements"] = [
            _shown(statement) if show_values else _outline(statement, own) for statement in statements
        ]
        explanation["enrichers"] = [name for name, _ in assembly.plan.enrichers]
        explanation["not_added"] = list(outcome.not_added)
    rules = assembly.plan.rules.get(mapping.standard, ())
    denied = decide_route(rules, event.body)[1]
    explanation["destinations"] = [_destination(candidate, denied, outcome) for candidate in rules]
    return explanation


def _destination(rules: DestinationRules, denied: Mapping[str, Any], outcome: Outcome) -> dict[str, Any]:
    name = rules.destination.name
    if name in denied:
        return {"destination": name, "allowed": False, "rule": denied[name].rule, "reason": denied[name].reason}
    if outcome.state is not OutcomeState.TRANSFORMED:
        reason = f"nothing to send: the event is {outcome.state.value}"
        return {"destination": name, "allowed": False, "rule": outcome.state.value, "reason": reason}
    if name in outcome.denied:  # its own statements could not be made
        return {"destination": name, "allowed": False, "rule": "pseudonyms", "reason": outcome.denied[name]}
    passed = (
        [rule for rule, _ in rules.checks] + [rule.name for rule in rules.scopes] + [rule for rule, _ in rules.routers]
    )
    rule = ", ".join(passed) or "scope all"
    return {"destination": name, "allowed": True, "rule": rule, "reason": f"allowed by {rule}"}


def _fields(
    body: Mapping[str, Any], reads: type[Fields], show_values: bool, prefix: str = ""
) -> Iterator[dict[str, Any]]:
    """Yields a row for each declared field: the path and type of its value, or why there is none."""
    for name, field in reads.declared.items():
        if field.paths == (ENTRY_KEY,):
            continue
        row: dict[str, Any] = {"field": prefix + name, "needed": field.needed, "paths": list(field.paths)}
        strict = is_strict(field.kind)
        for path in field.paths:
            raw = value_at(body, path)
            value = raw if field.entries is not None else None if raw is None else field.kind(raw)
            if value is not None and not (strict and value is INVALID):
                row |= {"found": path, "type": describe_type(raw)} | ({"value": _shown(raw)} if show_values else {})
                break
            if value is INVALID or raw not in ((None, "") if strict else (None, "", [], {})):
                row["refused"] = f"{path} is {describe_type(raw)}, expected {described(field.kind)}"
                if strict:
                    break
        yield row


def _shown(raw: Any) -> Any:
    """Returns a value, or `HIDDEN` when it is nested too deep to be written as JSON."""
    inside = raw
    for _ in range(_LEVELS):
        inside = [inside]
    try:
        orjson.dumps(inside)
    except TypeError:
        return HIDDEN
    return raw


def _outline(value: Any, own: Leaves, path: str = "") -> Any:
    """Copies a statement with its keys and the mapping's constants; values of the event are hidden."""
    if isinstance(value, dict):
        return {key: _outline(inner, own, below(path, key)) for key, inner in value.items()}
    if isinstance(value, list):
        return [_outline(inner, own, f"{path}[*]") for inner in value]
    return value if isinstance(value, str) and value in own.get(path, ()) else HIDDEN
