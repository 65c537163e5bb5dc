"""Implements ``learnrelay void``, which voids delivered statements where their standard knows how."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import click

from ..assembly.assemble import Assembly, assemble
from ..assembly.core_plugins import list_sinks
from ..config.fields import did_you_mean
from ..config.models import Destination
from ..outbox import Outbox, OutgoingStatement
from ..platform import Platform
from ..standards import SerializedStatement, Standard
from . import config_option
from .output import confirm_or_exit, print_line

EVENT_NAME = "learnrelay.void"
"""Name of the event of voiding statements, in lists of dead letters."""

_BATCH_SIZE = 500
_SHOWN_REFUSALS = 10


@click.command()
@config_option(required=True)
@click.argument("destination")
@click.argument("ids", nargs=-1)
@click.option(
    "-f", "--file", "file", type=click.Path(exists=True, dir_okay=False, allow_dash=True),
    help="File with an id on each line; ``-`` means standard input.",
)  # fmt: skip
@click.option("--yes", is_flag=True, help="No confirmation prompt.")
def command(config_path: str, destination: str, ids: tuple[str, ...], file: str | None, yes: bool) -> None:
    r"""Void statements that a DESTINATION has, by their IDS.

    Use it for statements that are wrong. For each, a statement that voids it is put into the outbox for this
    destination, and delivered like any other. Repeating the command changes nothing: the same id is voided by the same
    statement. What was voided stays void, and its id cannot be used again. Not every standard knows voiding.

    The ids that another release or configuration would change: learnrelay diff --ids.

    \b
    Exit codes: 0 done; 1 the outbox failed; 2 usage, configuration, or no confirmation.

    \b
    Examples:
      learnrelay void --config relay.toml main 6e2b1f4c-53a8-5a9e-8d5a-0f6a2b3c4d5e
      learnrelay void --config relay.toml main --file ids.txt
      learnrelay diff old.toml relay.toml tracking.log --to main --ids | learnrelay void -c relay.toml main -f - --yes
    """
    assembly = assemble(Path(config_path))
    destinations = assembly.config.destinations
    if destination not in destinations:
        raise click.UsageError(
            f"{config_path} has no destination {destination}{did_you_mean(destination, [*destinations])}"
        )
    voiding = _Voiding(assembly, destinations[destination])
    given = list(_read_ids(ids, file))
    if not given:
        raise click.UsageError("expected ids of statements, or --file FILE with one on each line")
    wanted = voiding.check(given)
    if not yes:
        confirm_or_exit(f"void {len(wanted):,} statements at {destination} for good?", "nothing was done")
    outbox = Outbox.look(assembly.config.delivery)
    try:
        new = voiding.put(outbox, wanted)
    finally:
        outbox.close()
    known = f"; {len(wanted) - new:,} are in the outbox already" if new < len(wanted) else ""
    click.echo(f"{new:,} voiding statements put into the outbox for {destination}{known}")


class _Voiding:
    """Makes the statements that void others at a destination, and puts them into the outbox."""

    def __init__(self, assembly: Assembly, destination: Destination) -> None:
        """Raises UsageError where the destination's standard knows no voiding, or its sink takes none."""
        self._destination = destination
        self._standard = assembly.standards[destination.standard]
        if type(self._standard).void is Standard.void:
            raise click.UsageError(
                f"{destination.name} gets {destination.standard}, which knows no voiding: what is wrong must be "
                "removed by those who operate it"
            )
        if not list_sinks(assembly.registry)[destination.sink].takes_voids:
            raise click.UsageError(
                f"{destination.name} is fed by {destination.sink}, which takes no voiding statements: remove what is "
                "wrong there"
            )
        own = destination.pseudonyms == "own"
        space = f"{destination.standard}/{destination.name}" if own else destination.standard
        config = assembly.config
        self._platform = Platform(
            config.root_url, assembly.source, assembly.identity, assembly.courses, space, own, config.language
        )

    def _void(self, statement_id: str) -> SerializedStatement:
        statement = self._standard.void(statement_id, self._platform)
        if statement is None:
            raise ValueError(f"{self._destination.standard} cannot void it")
        return statement

    def check(self, given: list[tuple[str, str]]) -> list[str]:
        """Returns the ids, each once, of pairs of place and id. Raises UsageError where one is none."""
        wanted: dict[str, str] = {}
        refusals = []
        for place, statement_id in given:
            try:
                wanted.setdefault(self._void(statement_id).id, statement_id)
            except ValueError as error:
                refusals.append(f"{place}: {error}")
        if refusals:
            for refusal in refusals[:_SHOWN_REFUSALS]:
                print_line(refusal, err=True)
            raise click.UsageError(f"{len(refusals):,} of {len(given):,} ids cannot be voided; nothing was done")
        return list(wanted.values())

    def put(self, outbox: Outbox, ids: list[str]) -> int:
        """Puts the voiding statements into the outbox. Returns the number of those that were not there."""
        new = 0
        for start in range(0, len(ids), _BATCH_SIZE):
            statements = map(self._void, ids[start : start + _BATCH_SIZE])
            new += outbox.put(
                OutgoingStatement(
                    self._destination.standard, statement.id, EVENT_NAME, statement.content, (self._destination.name,),
                    critical=True,
                )
                for statement in statements
            )  # fmt: skip
        return new


def _read_ids(ids: tuple[str, ...], file: str | None) -> Iterator[tuple[str, str]]:
    """Yields the ids with the places where they stand."""
    for number, text in enumerate(ids, start=1):
        yield f"id {number}", text.strip()
    if file is not None:
        with click.open_file(file, encoding="utf-8-sig", errors="replace") as lines:
            for number, line in enumerate(lines, start=1):
                if text := line.strip():
                    yield f"{file}:{number}", text
