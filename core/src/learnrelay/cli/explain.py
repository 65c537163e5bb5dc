"""Implements ``learnrelay explain``, which shows how the pipeline handles one event, stage by stage."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import click
import orjson

from ..assembly.assemble import Assembly, assemble
from ..errors import EventError
from ..events import SourceEvent
from ..fields import ENTRY_KEY, Fields, value_at
from ..kinds import INVALID, described, is_strict
from ..pipeline.error_places import list_frames
from ..pipeline.plan import MappingPlan
from ..pipeline.routing import DestinationRules, decide_route
from ..pipeline.run import NOT_MAPPED, Outcome, OutcomeState, Pipeline
from ..plugins.discovery import installed
from ..privacy.data_map import trace_sample
from ..privacy.masking import HIDDEN, shown_event_name
from ..privacy.tracing import Leaves, below
from ..reading.lines import LONGEST_LINE
from ..standards import Statement
from . import PLACEHOLDER_ROOT_URL, config_option, json_option, plugin_option, source_option
from .output import describe_type, print_json, print_line
from .without_config import assemble_without_config

_LEVELS = 10  # more than the output puts around a value


@click.command()
@click.argument("file", type=click.Path(allow_dash=True), default="-")
@config_option()
@plugin_option
@click.option("--show-values", is_flag=True, help="Show the values of the event and the whole statements.")
@click.option(
    "--traceback", "with_traceback", is_flag=True, help="Show where the code of a mapping failed, for authors."
)
@source_option()
@json_option
def command(
    file: str, config_path: str | None, plugin_files: tuple[str, ...], show_values: bool, with_traceback: bool,
    source: str | None, as_json: bool,
) -> None:  # fmt: skip
    r"""Show how the pipeline handles one event, stage by stage, and which rule decides.

    FILE holds one event in any shape of the source, with or without a logger's prefix, on one or more lines; ``-`` or
    nothing means standard input. Without --config, all installed standards and families are used. Nothing is stored or
    sent. Values are hidden, so that the output can be shown to others, unless --show-values is given.

    \b
    Exit codes: 0 the event becomes statements or is skipped; 1 it is unreadable or fails; 2 usage or configuration.
    \b
    Example:  sed -n 7p tracking.log | learnrelay explain --config relay.toml
    """
    assembly = (
        assemble(Path(config_path), plugin_files) if config_path else _assemble_all_installed(source, plugin_files)
    )
    try:
        event = assembly.source.event_from_line(_content(file))
    except EventError as error:
        explanation: dict[str, Any] = {"event": {"readable": False, "reason": error.reason}}
    else:
        explanation = explain(assembly, event, show_values)
        if with_traceback:
            _add_tracebacks(assembly, event, explanation)
    if as_json:
        print_json(explanation)
    else:
        for line in _in_words(explanation):
            print_line(line)
    failed = not explanation["event"]["readable"] or any(
        standard["state"] == "failed" for standard in explanation["standards"]
    )
    sys.exit(1 if failed else 0)


def explain(assembly: Assembly, event: SourceEvent, show_values: bool) -> dict[str, Any]:
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
        },
        "filters": filters,
        "standards": [
            _standard(assembly, event, mapping, outcomes.get(mapping.standard) or outcomes[""], show_values)
            for mapping in mappings
        ] or [{"standard": "", "state": OutcomeState.NOT_MAPPED.value, "reason": NOT_MAPPED}],
    }  # fmt: skip


def _add_tracebacks(assembly: Assembly, event: SourceEvent, explanation: dict[str, Any]) -> None:
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
    for name, keep in assembly.plan.filters:
        try:
            skip = keep(fields=event.body)
            keeps, reason = skip is None, "" if skip is None else skip.reason
        except Exception as error:
            keeps, reason = False, f"raised {type(error).__name__}"
        yield {"filter": name, "keeps": keeps, "reason": reason}
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


def _content(file: str) -> bytes:
    try:
        content = sys.stdin.buffer.read(LONGEST_LINE + 1) if file == "-" else Path(file).read_bytes()
    except OSError as error:
        raise click.UsageError(f"{file}: {error.strerror or type(error).__name__}") from None
    if len(content) > LONGEST_LINE:
        raise click.UsageError(f"{file}: more than {LONGEST_LINE:,} bytes; one event is wanted")
    lines = [line for line in content.splitlines() if line.strip()]
    if len(lines) > 1 and all(line.rstrip().endswith(b"}") and b"{" in line for line in lines):
        raise click.UsageError(f"{file} holds several lines; give one: sed -n 1p {file} | learnrelay explain")
    return content


def _assemble_all_installed(source: str | None, plugin_files: tuple[str, ...]) -> Assembly:
    """Assembles every installed standard with its families. Pseudonyms differ from call to call."""
    enabled = sorted({f"{info.standard}.*" for info in installed() if info.kind == "families"})
    if not enabled and not plugin_files:
        raise click.UsageError("no installed plugin maps events: pip install the package of your platform")
    import secrets

    raw: dict[str, Any] = {
        "platform": {"root_url": PLACEHOLDER_ROOT_URL, **({"source": source} if source else {})},
        "plugins": {"enabled": enabled},
        "identity": {"provider": "keyed", "secret": secrets.token_hex(32)},
    }
    return assemble_without_config(raw, plugin_files, "all that is installed")


def _in_words(explanation: Mapping[str, Any]) -> Iterator[str]:
    event = explanation["event"]
    if not event["readable"]:
        yield f"event         unreadable: {event['reason']}"
        return
    yield f"event         {event['name']}"
    yield f"              id {event['id']} (for errors and logs only)"
    yield f"              {', '.join(f'{key}: {what}' for key, what in event['parts'].items())}"
    for row in explanation["filters"]:
        verdict = "keeps" if row["keeps"] else "SKIPS"
        yield f"filter        {row['filter']}: {verdict} {row['reason'] and '- ' + row['reason']}".rstrip()
    for standard in explanation["standards"]:
        yield ""
        if not standard["standard"]:
            yield f"not mapped    {standard['reason']}"
            return
        yield f"{standard['standard']:<13} {standard['transformer']} - {standard['about']}"
        for field in standard["fields"]:
            yield f"  reads       {_field_in_words(field)}"
        where = f"{standard['path']}: " if "path" in standard else ""
        yield f"  {standard['state']:<11} {where}{standard.get('reason', '')}".rstrip()
        yield from (f"    {frame}" for frame in standard.get("traceback", ()))
        for name in standard.get("enrichers", ()):
            yield f"  enriched    by {name}"
        for path in standard.get("not_added", ()):
            yield f"  not added   {path} (there already)"
        for statement in standard.get("statements", ()):
            yield from (f"  | {line}" for line in _pretty(statement))
        for row in standard.get("destinations", ()):
            yield f"  {'to' if row['allowed'] else 'NOT to':<11} {row['destination']}: {row['reason']}"


def _field_in_words(field: Mapping[str, Any]) -> str:
    if "found" in field:
        value = f" = {orjson.dumps(field['value']).decode()}" if "value" in field else ""
        return f"{field['field']}: {field['found']} ({field['type']}){value}"
    where = " or ".join(field["paths"])
    missing = "MISSING" if field["needed"] else "absent"
    return f"{field['field']}: {missing} ({field.get('refused', where)})"


def _pretty(statement: Statement) -> list[str]:
    return orjson.dumps(statement, option=orjson.OPT_INDENT_2).decode().splitlines()
