"""``learnrelay explain``: what becomes of one event, stage by stage, and why."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import click
import orjson

from ..assembly import Assembly, assemble, assemble_from
from ..datamap import typical
from ..errors import EventError
from ..events import SourceEvent, event_from_line
from ..fields import ENTRY_KEY, Fields, value_at
from ..kinds import UNREADABLE, described, is_strict
from ..lines import LONGEST_LINE
from ..pipeline import NOT_MAPPED, Outcome, Pipeline, State
from ..plugins.discovery import installed
from ..plugins.plan import Gate, Step, decide
from ..standards import Statement
from ..tracing import Leaves, below
from . import config_option, json_option
from .output import print_json

HIDDEN = "…"
_LEVELS = 10  # more than an answer puts around a value


@click.command()
@click.argument("file", type=click.Path(allow_dash=True), default="-")
@config_option()
@click.option("--show-values", is_flag=True, help="Show what the event's fields hold, and the statements as they are.")
@json_option
def command(file: str, config_path: str | None, show_values: bool, as_json: bool) -> None:
    r"""Show, stage by stage, what becomes of one event, and which rule decided.

    FILE holds one event, in either shape, with or without the logger's prefix, on one line or several; ``-`` or nothing
    is standard input. Without --config all installed standards and families are asked. Nothing is stored or sent.
    Values are hidden, so that the answer can be shown to others, unless --show-values is given.

    \b
    Exit codes: 0 the event can be told, or is skipped; 1 it is unreadable or fails; 2 usage or configuration.
    \b
    Example:  sed -n 7p tracking.log | learnrelay explain --config relay.toml
    """
    assembly = assemble(Path(config_path)) if config_path else _all_installed()
    try:
        event = event_from_line(_content(file))
    except EventError as error:
        told: dict[str, Any] = {"event": {"readable": False, "reason": error.reason}}
    else:
        told = explain(assembly, event, show_values)
    if as_json:
        print_json(told)
    else:
        for line in _in_words(told):
            click.echo(line)
    failed = not told["event"]["readable"] or any(one["state"] == "failed" for one in told["standards"])
    sys.exit(1 if failed else 0)


def explain(assembly: Assembly, event: SourceEvent, show_values: bool) -> dict[str, Any]:
    """All that can be said of an event; JSON types only. What the pipeline itself decided comes from the pipeline."""
    pipeline = Pipeline(assembly.plan)
    steps = assembly.plan.steps.get(event.name, ())
    filters = list(_filters(assembly, event)) if steps else []
    outcomes = {outcome.standard: outcome for outcome in pipeline.process(event)}
    return {
        "event": {
            "readable": True, "name": event.name, "id": event.id,
            "parts": {key: _type(value) for key, value in event.body.items() if key != "name"},
        },
        "filters": filters,
        "standards": [
            _standard(assembly, event, step, outcomes.get(step.standard) or outcomes[""], show_values) for step in steps
        ] or [{"standard": "", "state": State.NOT_MAPPED.value, "reason": NOT_MAPPED}],
    }  # fmt: skip


def _filters(assembly: Assembly, event: SourceEvent) -> Iterator[dict[str, Any]]:
    yield {"filter": "allowlist", "keeps": True, "reason": "an enabled transformer maps this name"}
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
    assembly: Assembly, event: SourceEvent, step: Step, outcome: Outcome, show_values: bool
) -> dict[str, Any]:
    common = assembly.registry.standards[step.standard].common
    told: dict[str, Any] = {
        "standard": step.standard,
        "transformer": step.transformer.name,
        "about": step.transformer.about,
        "fields": [
            *_fields(event.body, step.transformer.reads, show_values),
            *_fields(event.body, common, show_values),
        ],
        "state": outcome.state.value,
    }
    if outcome.reason:
        told["reason"] = outcome.reason
    if outcome.error is not None and outcome.error.path:
        told["path"] = outcome.error.path
    if outcome.state is State.TRANSFORMED:
        own = {} if show_values else typical(assembly, event.name, step.standard)
        statements = [one.parsed for one in outcome.statements]
        told["statements"] = [_shown(one) if show_values else _outline(one, own) for one in statements]
        told["enrichers"] = [name for name, _ in assembly.plan.enrichers]
    gates = assembly.plan.gates.get(step.standard, ())
    denied = decide(gates, event.body)[1]
    told["destinations"] = [_destination(gate, denied, outcome) for gate in gates]
    return told


def _destination(gate: Gate, denied: Mapping[str, Any], outcome: Outcome) -> dict[str, Any]:
    name = gate.destination.name
    if name in denied:
        return {"destination": name, "allowed": False, "rule": denied[name].rule, "reason": denied[name].reason}
    if outcome.state is not State.TRANSFORMED:
        reason = f"nothing to send: the event is {outcome.state.value}"
        return {"destination": name, "allowed": False, "rule": outcome.state.value, "reason": reason}
    if name in outcome.denied:  # its own statements could not be made
        return {"destination": name, "allowed": False, "rule": "pseudonyms", "reason": outcome.denied[name]}
    passed = (
        [rule for rule, _ in gate.checks] + [rule.name for rule in gate.scopes] + [rule for rule, _ in gate.routers]
    )
    rule = ", ".join(passed) or "scope all"
    return {"destination": name, "allowed": True, "rule": rule, "reason": f"allowed by {rule}"}


def _fields(
    body: Mapping[str, Any], reads: type[Fields], show_values: bool, prefix: str = ""
) -> Iterator[dict[str, Any]]:
    """Each declared field: where its value was found, of which type, or that there is none."""
    for name, field in reads.declared.items():
        if field.paths == (ENTRY_KEY,):
            continue
        told: dict[str, Any] = {"field": prefix + name, "needed": field.needed, "paths": list(field.paths)}
        strict = is_strict(field.kind)
        for path in field.paths:
            raw = value_at(body, path)
            value = raw if field.entries is not None else None if raw is None else field.kind(raw)
            if value is not None and not (strict and value == UNREADABLE):
                told |= {"found": path, "type": _type(raw)} | ({"value": _shown(raw)} if show_values else {})
                break
            if raw not in ((None, "") if strict else (None, "", [], {})):
                told["refused"] = f"{path} is {_type(raw)}, expected {described(field.kind)}"
                if strict:
                    break
        yield told


def _shown(raw: Any) -> Any:
    """A value, unless it is nested deeper than can be written here, which is some levels down."""
    inside = raw
    for _ in range(_LEVELS):
        inside = [inside]
    try:
        orjson.dumps(inside)
    except TypeError:
        return HIDDEN
    return raw


def _type(raw: Any) -> str:
    if isinstance(raw, (dict, list)):
        return f"{'an object' if isinstance(raw, dict) else 'a list'} of {len(raw)}"
    words = {str: "text", bool: "true or false", int: "a number", float: "a number", type(None): "nothing"}
    return words.get(type(raw), type(raw).__name__)


def _outline(value: Any, own: Leaves, path: str = "") -> Any:
    """A statement with its keys and the mapping's own words; what it says of the event is hidden."""
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


def _all_installed() -> Assembly:
    """Every installed standard with its families; pseudonyms are of no use, and differ with each call."""
    enabled = [info.name for info in installed() if info.kind == "families"]
    if not enabled:
        raise click.UsageError("no plugin is installed that maps events: pip install that of a standard")
    import secrets

    raw: dict[str, Any] = {
        "platform": {"root_url": "http://localhost:18000"},
        "plugins": {"enabled": enabled},
        "identity": {"provider": "keyed", "secret": secrets.token_hex(32)},
    }
    return assemble_from(raw, Path("all that is installed"))


def _in_words(told: Mapping[str, Any]) -> Iterator[str]:
    event = told["event"]
    if not event["readable"]:
        yield f"event         unreadable: {event['reason']}"
        return
    yield f"event         {event['name']}"
    yield f"              id {event['id']} (for errors and logs only)"
    yield f"              {', '.join(f'{key}: {what}' for key, what in event['parts'].items())}"
    for one in told["filters"]:
        verdict = "keeps" if one["keeps"] else "SKIPS"
        yield f"filter        {one['filter']}: {verdict} {one['reason'] and '- ' + one['reason']}".rstrip()
    for standard in told["standards"]:
        yield ""
        if not standard["standard"]:
            yield f"not mapped    {standard['reason']}"
            return
        yield f"{standard['standard']:<13} {standard['transformer']} - {standard['about']}"
        for field in standard["fields"]:
            yield f"  reads       {_field_in_words(field)}"
        where = f"{standard['path']}: " if "path" in standard else ""
        yield f"  {standard['state']:<11} {where}{standard.get('reason', '')}".rstrip()
        for name in standard.get("enrichers", ()):
            yield f"  enriched    by {name}"
        for statement in standard.get("statements", ()):
            yield from (f"  | {line}" for line in _pretty(statement))
        for one in standard.get("destinations", ()):
            yield f"  {'to' if one['allowed'] else 'NOT to':<11} {one['destination']}: {one['reason']}"


def _field_in_words(field: Mapping[str, Any]) -> str:
    if "found" in field:
        value = f" = {orjson.dumps(field['value']).decode()}" if "value" in field else ""
        return f"{field['field']}: {field['found']} ({field['type']}){value}"
    where = " or ".join(field["paths"])
    missing = "MISSING" if field["needed"] else "absent"
    return f"{field['field']}: {missing} ({field.get('refused', where)})"


def _pretty(statement: Statement) -> list[str]:
    return orjson.dumps(statement, option=orjson.OPT_INDENT_2).decode().splitlines()
