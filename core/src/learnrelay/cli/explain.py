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
from ..plugins.discovery import installed
from ..privacy.explanation import add_tracebacks, explain_event, select_event
from ..reading.lines import LONGEST_LINE
from ..standards import Statement
from . import PLACEHOLDER_ROOT_URL, config_option, json_option, plugin_option, source_option
from .output import print_json, print_line
from .without_config import assemble_without_config


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
        explanation = explain_event(assembly, event, show_values=show_values)
        if with_traceback:
            add_tracebacks(assembly, event, explanation)
    if as_json:
        print_json(explanation)
    else:
        for line in _in_words(explanation):
            print_line(line)
    failed = not explanation["event"]["readable"] or any(
        standard["state"] == "failed" for standard in explanation["standards"]
    )
    sys.exit(1 if failed else 0)


def _content(file: str) -> bytes:
    try:
        content = sys.stdin.buffer.read(LONGEST_LINE + 1) if file == "-" else Path(file).read_bytes()
    except OSError as error:
        raise click.UsageError(f"{file}: {error.strerror or type(error).__name__}") from None
    try:
        return select_event(content)
    except ValueError as error:
        cure = "" if len(content) > LONGEST_LINE else f": sed -n 1p {file} | learnrelay explain"
        raise click.UsageError(f"{file}: {error}{cure}") from None


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
    if "values" in event:
        yield from (f"  | {line}" for line in _pretty(event["values"]))
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
