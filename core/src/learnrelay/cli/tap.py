"""Implements ``learnrelay tap``, which shows, masked, what passes a stage of a running relay."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Iterator, Mapping
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

import click
import orjson
from marshmallow import ValidationError

from ..assembly.assemble import Assembly, assemble
from ..config.fields import Duration, did_you_mean
from ..privacy.data_map import trace_sample
from ..privacy.masking import describe_masked, digest_value
from ..privacy.tracing import Leaves, below
from ..taps.tap_folder import STAGES, Stage, TapRequest, TapSocket, tap_folder
from . import config_option
from .output import print_line

_WAIT = 0.2  # seconds after which signals are noticed
_LONGEST = 3600.0


def _duration(ctx: click.Context, parameter: click.Parameter, value: str) -> float:
    try:
        seconds: float = Duration().deserialize(value)
    except ValidationError as error:
        raise click.BadParameter(str(error.messages[0])) from None
    if not 0 < seconds <= _LONGEST:
        raise click.BadParameter("expected at most 1h")
    return seconds


@click.command()
@config_option(required=True)
@click.option("--stage", type=click.Choice(STAGES), default="route", show_default=True, help="Pipeline stage.")
@click.option("--event", metavar="NAME", default="*", help="Name of events, or a glob; by default all.")
@click.option(
    "--destination", metavar="NAME", help="Only what this destination gets; with route also what it does not."
)
@click.option("--limit", type=click.IntRange(1), default=10, show_default=True, help="Number of events to show.")
@click.option("--for", "seconds", metavar="TIME", callback=_duration, default="10m", show_default=True,
              help="Time after which the tap ends, such as 30s or 5m; at most 1h.")  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Output as JSON lines.")
def command(
    config_path: str, stage: Stage, event: str, destination: str | None, limit: int, seconds: float, as_json: bool
) -> None:
    r"""Show, masked, what passes a stage of a running relay.

    filter shows all events, and which of them are kept; transform the statements that the mappings make; enrich these
    with what the enrichers add; route the destinations that get them, and the reasons why others do not. Values are
    replaced by their types; ids by a keyed digest, so that equal ones can be recognised.

    All processes of this machine are seen that run the pipeline with this configuration file as the user of this
    command: those that emit, and workers where delivery.pipeline is "worker". They notice a tap within a second. A tap
    that does not keep up misses events, and never holds one up.

    \b
    Exit codes: 0 something was shown; 1 nothing passed; 2 usage or configuration.
    \b
    Examples:
      learnrelay tap --config relay.toml --destination harbour
      learnrelay tap --config relay.toml --stage transform --event "*.played" --limit 3
    """
    assembly = assemble(Path(config_path))
    _check(assembly, stage, event, destination)
    folder = tap_folder(assembly.config.delivery)
    until = time.time() + seconds
    shown = missed = 0
    printer = _Printer(assembly)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    try:
        tap = TapSocket(folder, TapRequest(stage, event, destination, until))
    except OSError as error:
        raise click.UsageError(
            f"{folder}: {error.strerror}; run tap as the user of the emitting processes, who must be able to write to "
            "this folder (delivery.spool says where it is)"
        ) from None
    with tap:
        print_line(f"tapping {stage} through {folder}; stop with Ctrl-C", err=True)
        try:
            while shown < limit and (left := until - time.time()) > 0:
                if (content := tap.receive(min(left, _WAIT))) is None:
                    continue
                message = orjson.loads(content)
                printer.reveal_constants(message)
                for line in [orjson.dumps(message).decode()] if as_json else in_words(message):
                    print_line(line)
                sys.stdout.flush()
                shown, missed = shown + 1, missed + message["missed"]
        except KeyboardInterrupt:
            pass
    if missed:
        print_line(f"{missed:,} more events passed too quickly to be shown", err=True)
    if not shown:
        print_line(f"nothing passed that this tap can see: {_blind_spots(folder)}", err=True)
        sys.exit(1)


def _check(assembly: Assembly, stage: Stage, event: str, destination: str | None) -> None:
    destinations = list(assembly.config.destinations)
    if destination is not None and destination not in destinations:
        raise click.UsageError(f"there is no destination {destination}{did_you_mean(destination, destinations)}")
    if destination is not None and stage == "filter":
        raise click.UsageError("--destination goes without --stage filter: filters keep or drop an event for all")
    if stage == "enrich" and not assembly.plan.enrichers:
        raise click.UsageError("no enricher is enabled: --stage transform shows the statements")
    names = sorted(assembly.plan.mappings)
    is_open = bool(assembly.plan.others) or stage == "filter"
    if not is_open and event not in names and not set("*?[").intersection(event):
        raise click.UsageError(f"no enabled mapping has the event {event}{did_you_mean(event, names)}")


def _blind_spots(folder: Path) -> str:
    owner = folder.parent.stat().st_uid
    if owner != os.geteuid():
        return f"{folder.parent} belongs to another user (id {owner}); run tap as the user of the emitting processes"
    return "processes of other machines, of other users, and with another delivery.spool are not seen"


class _Printer:
    """Reveals in masked statements what the mappings themselves say, which is the same for all learners."""

    def __init__(self, assembly: Assembly) -> None:
        self._key = assembly.source.reader.id_key
        self._constants = cache(lambda event, standard: trace_sample(assembly, event, standard))

    def reveal_constants(self, message: dict[str, Any]) -> None:
        """Puts constants into the places of their masks, and descriptions into all others."""
        for record in message["records"]:
            if record.get("statements"):
                constants = self._constants(message["event"], record["standard"])
                record["statements"] = [self._reveal(statement, constants) for statement in record["statements"]]
            for path, masked in record.get("fields", {}).items():
                record["fields"][path] = describe_masked(masked, path)

    def _reveal(self, masked: Any, constants: Leaves, path: str = "", name: str = "") -> Any:
        if isinstance(masked, dict):
            return {key: self._reveal(inner, constants, below(path, key), key) for key, inner in masked.items()}
        if isinstance(masked, list):
            return [self._reveal(inner, constants, f"{path}[*]", name) for inner in masked]
        digest = masked.partition("#")[2]
        for constant in constants.get(path, ()):
            if isinstance(constant, str) and digest_value(constant, self._key) == digest:
                return constant
        return describe_masked(masked, name)


def in_words(message: Mapping[str, Any]) -> Iterator[str]:
    """Describes a message, a line for each decision, with statements and fields below it."""
    when = datetime.fromtimestamp(message["time"]).astimezone()
    head = f"{when:%T}.{when.microsecond // 1000:03} [{message['process']}] {message['event']} {message['id']}".rstrip()
    for record in message["records"]:
        standard = f" {record['standard']}" if record.get("standard") else ""
        reason = f": {record['reason']}" if record.get("reason") else ""
        if "to" in record:
            kept_from = [f"{name} ({why})" for name, why in record["kept_from"].items()]
            routes = [f"to {', '.join(record['to'])}"] if record["to"] else []
            routes += [f"not to {', '.join(kept_from)}"] if kept_from else []
            yield f"{head}{standard}: {'; '.join(routes) or 'to nobody'}"
            continue
        yield f"{head}{standard}: {record['state']}{reason}"
        for path, described in record.get("fields", {}).items():
            yield f"    {path}: {described}"
        if record.get("statements", ()) is None:
            yield "    statements that are too large to be shown"
        for statement in record.get("statements") or ():
            for line in orjson.dumps(statement, option=orjson.OPT_INDENT_2).decode().splitlines():
                yield f"    {line}"
