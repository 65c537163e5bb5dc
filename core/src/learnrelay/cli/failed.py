"""Implements ``learnrelay failed``, which lists, shows, retries and drops dead letters."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from itertools import pairwise
from pathlib import Path
from typing import Any, TypeVar

import click
import orjson
from marshmallow import ValidationError

from ..assembly.assemble import assemble
from ..config.fields import Duration, did_you_mean
from ..outbox import DeadLetter, DeadLetterFilter, DeadLetters, Outbox
from . import config_option, json_option
from .output import print_json, print_line, wrap_line

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
    """Adds the options that select dead letters and conflicts. All conditions given must hold."""
    for option in (
        click.option("--id", "statement_id", default="", help="Statement id, or its beginning if no other begins so."),
        click.option("--older-than", type=_TimeSpan(), default=0.0, metavar="SPAN", help="Minimum age, such as 2d."),
        click.option("--reason", default="", help="Text in the consumer's reason."),
        click.option(
            "--conflicts/--no-conflicts",
            "conflict",
            default=None,
            help="Only conflicts: statements that the consumer has with other content (409); or only dead letters. "
            "By default both.",
        ),
        click.option("--event", "event_name", default="", help="Event name."),
        click.option("--to", "destination", default="", metavar="NAME", help="Destination."),
    ):
        function = option(function)
    return function


@contextmanager
def open_dead_letters(config_path: str, destination: str = "") -> Iterator[DeadLetters]:
    """Opens the dead letters of the configured outbox. Raises UsageError when it has no such ``destination``."""
    config = assemble(Path(config_path)).config
    outbox = Outbox.look(config.delivery)
    try:
        known = outbox.status(config.destinations) if destination else ()
        if destination and destination not in known:
            raise click.UsageError(f"there is no destination {destination}{did_you_mean(destination, [*known])}")
        yield DeadLetters(outbox)
    finally:
        outbox.close()


def _complete_id(letters: DeadLetters, beginning: str) -> str:
    """Returns the only id of a dead letter that begins so; the text itself where none does. Raises UsageError."""
    ids = letters.find_ids(beginning.lower(), 2) if beginning else []
    if len(ids) > 1 and beginning.lower() not in ids:
        raise click.UsageError(f"{beginning} is the beginning of several ids, such as {' and '.join(ids)}")
    return ids[0] if ids else beginning


def _select(letters: DeadLetters, selected: dict[str, Any]) -> DeadLetterFilter:
    return DeadLetterFilter(**{**selected, "statement_id": _complete_id(letters, selected["statement_id"])})


@click.group()
def command() -> None:
    """List, show, retry or drop the statements that a consumer refused.

    They are kept with the consumer's reason. Only [delivery] retention drops them by itself, and never statements of
    critical events.
    """


@command.command("list")
@config_option(required=True)
@selection_options
@click.option(
    "--limit", type=click.IntRange(1), default=10_000, show_default=True, help="Maximum number, oldest first."
)
@click.option("--ids", is_flag=True, help="All ids, instead of the first of each reason.")
@json_option
def list_(config_path: str, limit: int, ids: bool, as_json: bool, **selected: Any) -> None:
    """List dead letters and conflicts by destination and reason, with their events.

    The beginnings of ids that are shown are long enough for failed show and for --id. --json has a record for each dead
    letter.
    """
    with open_dead_letters(config_path, selected["destination"]) as letters:
        selection = _select(letters, selected)
        rows, total = letters.list(selection, limit), letters.count(selection)
        known = letters.find_ids("", limit + 1)
    if as_json:
        print_json([asdict(letter) for letter in rows])
        return
    if not rows:
        click.echo("nothing of this selection is kept", err=True)
    for line in _describe_groups(rows, _shorten(sorted(known)), len(rows) if ids else _SHOWN_IDS):
        click.echo(line)
    if total > len(rows):
        click.echo(f"... and {total - len(rows):,} more", err=True)


_SHOWN_IDS = 5
_SHOWN_TEXTS = 3
_ID_LENGTH = 8  # characters of an id that are shown at least


def _describe_groups(letters: Sequence[DeadLetter], short: Mapping[str, str], shown: int) -> Iterator[str]:
    """Yields the lines of the list: for each destination and reason the number, the events, and the first ids."""
    groups: dict[tuple[str, bool, str], list[DeadLetter]] = {}
    for letter in letters:
        groups.setdefault((letter.destination, letter.conflict, letter.cause), []).append(letter)
    for (destination, conflict, cause), group in sorted(groups.items(), key=lambda item: (item[0][0], -len(item[1]))):
        kind = "conflict" if conflict else "dead letter"
        number = f"{len(group):,} {kind}{'s' * (len(group) > 1)}"
        yield from _wrap(f"{destination}: {number}, {cause}, since {group[0].since:%F %R} UTC", "")
        texts = Counter(letter.text for letter in group)
        for text, number_of_text in texts.most_common(_SHOWN_TEXTS) if any(texts) else ():
            yield from _wrap(f"{text or 'no text'} ({number_of_text:,})" if len(texts) > 1 else text, "  ")
        if (others := len(texts) - _SHOWN_TEXTS) > 0:
            yield from _wrap(f"... and {others:,} other text{'s' * (others > 1)}", "  ")
        events = Counter(letter.event_name for letter in group)
        yield from _wrap(", ".join(f"{name} ({count:,})" for name, count in events.most_common()), "  ")
        ids = [short.get(letter.statement_id, letter.statement_id) for letter in group]
        more = f" and {len(ids) - shown:,} more" if len(ids) > shown else ""
        yield from _wrap(f"{'ids' if len(ids) > 1 else 'id'} {' '.join(ids[:shown])}{more}", "  ")
        yield ""


def _wrap(text: str, indent: str) -> Iterator[str]:
    return wrap_line(text, indent, fold=True)


def _count_common(one_id: str, next_id: str) -> int:
    """Counts the characters that two ids have in common at their beginnings."""
    return next(
        (place for place, pair in enumerate(zip(one_id, next_id, strict=False)) if pair[0] != pair[1]),
        min(len(one_id), len(next_id)),
    )


def _shorten(ids: Sequence[str]) -> dict[str, str]:
    """Maps sorted ids to beginnings that no other of them has."""
    common = [0, *(_count_common(*pair) for pair in pairwise(ids)), 0]
    return {
        whole: whole[: max(_ID_LENGTH, common[place] + 1, common[place + 1] + 1)] for place, whole in enumerate(ids)
    }


@command.command()
@config_option(required=True)
@click.argument("statement_id")
def show(config_path: str, statement_id: str) -> None:
    """Print one statement, by its id or the beginning of it.

    The destinations that refused it, with their reasons, go to standard error.
    Both may contain what a learner wrote.
    """
    with open_dead_letters(config_path) as letters:
        statement_id = _complete_id(letters, statement_id)
        payload = letters.payload(statement_id)
        refusals = letters.list(DeadLetterFilter(statement_id=statement_id))
    if payload is None:
        raise click.UsageError(f"there is no dead letter {statement_id}")
    for refusal in refusals:
        print_line(f"{refusal.destination}: {refusal.reason}", err=True)
    print_json(orjson.loads(payload))


@command.command()
@config_option(required=True)
@selection_options
def retry(config_path: str, **selected: Any) -> None:
    """Put dead letters and conflicts back into the queue, with no attempts counted."""
    with open_dead_letters(config_path, selected["destination"]) as letters:
        click.echo(f"{letters.retry(_select(letters, selected)):,} put back")


@command.command()
@config_option(required=True)
@selection_options
@click.option("--yes", is_flag=True, help="No confirmation prompt.")
def drop(config_path: str, yes: bool, **selected: Any) -> None:
    """Delete dead letters and conflicts permanently."""
    with open_dead_letters(config_path, selected["destination"]) as letters:
        selection = _select(letters, selected)
        total = letters.count(selection)
        if total and not yes and not click.confirm(f"delete {total:,} for good?", err=True):
            sys.exit(1)
        click.echo(f"{letters.drop(selection):,} deleted")


@command.command()
@config_option(required=True)
@click.argument("destination")
@click.option("--yes", is_flag=True, help="No confirmation prompt.")
def abandon(config_path: str, destination: str, yes: bool) -> None:
    """Delete all statements for a DESTINATION that is no longer in the configuration file.

    Until then they are kept, and are delivered when the destination is in the file again.
    """
    config = assemble(Path(config_path)).config
    if destination in config.destinations:
        raise click.UsageError(f"{destination} is in {config_path}: take it out first, or use failed drop --to")
    outbox = Outbox.look(config.delivery)
    try:
        if not (status := outbox.status().get(destination)):
            raise click.UsageError(f"nothing was ever put for a destination {destination}")
        total = status.waiting + status.dead + status.conflicts
        if total and not yes and not click.confirm(f"delete {total:,} for good?", err=True):
            sys.exit(1)
        click.echo(f"{outbox.abandon(destination):,} deleted")
    finally:
        outbox.close()
