"""``learnrelay failed``: the dead letters, and what becomes of them."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any, TypeVar

import click
import orjson
from marshmallow import ValidationError

from ..assembly import assemble
from ..config.fields import Duration, did_you_mean
from ..delivery import DeadLetters, Outbox, Selection
from . import config_option, json_option
from .output import print_json, print_table

_Command = TypeVar("_Command", bound=Callable[..., Any])


class _TimeSpan(click.ParamType[float]):
    name = "time span"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        if isinstance(value, float):
            return value
        try:
            return float(Duration().deserialize(value))
        except ValidationError as error:
            self.fail(str(error.messages[0]), param, ctx)


def selection_options(function: _Command) -> _Command:
    """Which dead letters: all that is given must hold."""
    for option in (
        click.option("--id", "statement_id", default="", help="The statement with this id."),
        click.option("--older-than", type=_TimeSpan(), default=0.0, metavar="SPAN", help="Dead for longer, e.g. 2d."),
        click.option("--reason", default="", help="The consumer's words hold this."),
        click.option(
            "--conflicts/--no-conflicts",
            "conflict",
            default=None,
            help="Only what the consumer has already in another form (409), or all but that.",
        ),
        click.option("--event", "event_name", default="", help="Made of this event."),
        click.option("--to", "destination", default="", metavar="NAME", help="Meant for this destination."),
    ):
        function = option(function)
    return function


@contextmanager
def dead_letters(config_path: str, destination: str = "") -> Iterator[DeadLetters]:
    """Those of the operator's outbox. ``destination``, if given, has to be one."""
    config = assemble(Path(config_path)).config
    outbox = Outbox.open(config.delivery)
    try:
        known = outbox.status(config.destinations) if destination else ()
        if destination and destination not in known:
            raise click.UsageError(f"there is no destination {destination}{did_you_mean(destination, [*known])}")
        yield DeadLetters(outbox)
    finally:
        outbox.close()


@click.group()
def command() -> None:
    """List, show, retry or drop the statements that a consumer will not take.

    They are kept with the consumer's words until somebody decides. Nothing is dropped by itself, save by
    [delivery] retention, which never drops critical events.
    """


@command.command("list")
@config_option(required=True)
@selection_options
@click.option("--limit", type=click.IntRange(1), default=100, show_default=True, help="At most so many, oldest first.")
@json_option
def list_(config_path: str, limit: int, as_json: bool, **selected: Any) -> None:
    """Show which there are, and why."""
    selection = Selection(**selected)
    with dead_letters(config_path, selection.destination) as letters:
        found, total = letters.list(selection, limit), letters.count(selection)
    if as_json:
        print_json([asdict(one) for one in found])
        return
    columns = ["destination", "since", "kind", "event", "attempts", "id", "reason"]
    print_table(
        columns,
        (
            (
                one.destination,
                f"{one.since:%F %T}",
                "conflict" if one.conflict else "dead",
                one.event_name,
                one.attempts,
                one.statement_id,
                one.reason,
            )
            for one in found
        ),
    )
    if total > len(found):
        click.echo(f"... and {total - len(found):,} more", err=True)


@command.command()
@config_option(required=True)
@click.argument("statement_id")
def show(config_path: str, statement_id: str) -> None:
    """Print one statement and, on standard error, who will not take it and with which words.

    Both may hold what a learner wrote: mind who looks over your shoulder.
    """
    with dead_letters(config_path) as letters:
        payload = letters.payload(statement_id)
        refusals = letters.list(Selection(statement_id=statement_id))
    if payload is None:
        raise click.UsageError(f"there is no dead letter {statement_id}")
    for one in refusals:
        click.echo(f"{one.destination}: {one.reason}", err=True)
    print_json(orjson.loads(payload))


@command.command()
@config_option(required=True)
@selection_options
def retry(config_path: str, **selected: Any) -> None:
    """Put them back into the queue, as if they had never failed."""
    selection = Selection(**selected)
    with dead_letters(config_path, selection.destination) as letters:
        click.echo(f"{letters.retry(selection):,} put back")


@command.command()
@config_option(required=True)
@selection_options
@click.option("--yes", is_flag=True, help="Do not ask.")
def drop(config_path: str, yes: bool, **selected: Any) -> None:
    """Delete them for good."""
    selection = Selection(**selected)
    with dead_letters(config_path, selection.destination) as letters:
        total = letters.count(selection)
        if total and not yes and not click.confirm(f"delete {total:,} for good?", err=True):
            sys.exit(1)
        click.echo(f"{letters.drop(selection):,} deleted")


@command.command()
@config_option(required=True)
@click.argument("destination")
@click.option("--yes", is_flag=True, help="Do not ask.")
def abandon(config_path: str, destination: str, yes: bool) -> None:
    """Delete for good what waits or lies dead for a DESTINATION that is no longer in the file.

    Until then all of it is kept, and goes on its way when the destination is in the file again.
    """
    config = assemble(Path(config_path)).config
    if destination in config.destinations:
        raise click.UsageError(f"{destination} is in {config_path}: take it out first, or use failed drop --to")
    outbox = Outbox.open(config.delivery)
    try:
        if not (status := outbox.status().get(destination)):
            raise click.UsageError(f"nothing was ever put for a destination {destination}")
        total = status.waiting + status.dead
        if total and not yes and not click.confirm(f"delete {total:,} for good?", err=True):
            sys.exit(1)
        click.echo(f"{outbox.abandon(destination):,} deleted")
    finally:
        outbox.close()
