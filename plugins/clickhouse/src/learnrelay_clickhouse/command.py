"""Implements ``learnrelay clickhouse``."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path

import click

from learnrelay.config.models import Destination

from .settings import ASPECTS
from .sink import ClickHouseSink
from .tables import find_derived_tables, list_statements, read_table, remember_batches


@click.group()
def clickhouse() -> None:
    """Prepare ClickHouse for destinations whose sink is "clickhouse"."""


@clickhouse.command()
@click.option(
    "-c", "--config", "config_path", type=click.Path(dir_okay=False), envvar="LEARNRELAY_CONFIG", show_envvar=True,
    required=True, help="Configuration file (TOML).",
)  # fmt: skip
@click.option("--destination", "name", help="One destination; all of the sink otherwise.")
@click.option("--print", "only_print", is_flag=True, help="Show the SQL, and connect to nothing.")
def init(config_path: str, name: str | None, only_print: bool) -> None:
    r"""Make the tables, and let them and all that views derive from them count a repeated batch once.

    Tables that are there keep their columns and rows; run it again when views were added. The user needs the rights
    CREATE, ALTER and SELECT, which the sink does not.

    \b
    Exit codes: 0 done; 1 the server cannot be reached or refuses; 2 usage or configuration.
    """
    from learnrelay.assembly.assemble import assemble
    from learnrelay.cli.output import print_line

    assembly = assemble(Path(config_path))
    for destination in _select(assembly.config.destinations, name, config_path):
        settings = destination.settings
        if only_print:
            for sql in list_statements(settings["table"], settings["layout"]):
                click.echo(f"{sql};\n")
            continue
        try:
            _init(destination)
        except _errors() as error:
            print_line(f"{destination.name}: {error}{_words_of(error)}", err=True)
            sys.exit(1)


def _select(destinations: Mapping[str, Destination], name: str | None, path: str) -> list[Destination]:
    ours = [each for each in destinations.values() if each.sink == ClickHouseSink.name]
    chosen = [each for each in ours if name in (None, each.name)]
    if not chosen:
        known = f"; there are {', '.join(each.name for each in ours)}" if ours else ""
        which = f"destination {name}" if name else "destination"
        raise click.UsageError(f'{path} has no {which} with sink = "clickhouse"{known}')
    return chosen


def _init(destination: Destination) -> None:
    """Makes the table of a destination, and lets it and its derived tables remember batches."""
    from .connection import Connection

    table, layout = destination.settings["table"], destination.settings["layout"]
    connection = Connection(destination.settings, destination.timeout)
    try:
        connection.connect()
        existing = read_table(connection, *table.split("."))
        if existing is None:
            for sql in list_statements(table, layout):
                connection.command(sql)
            existing = read_table(connection, *table.split("."))
        if existing is None:
            raise click.ClickException(
                f"{destination.name}: {table} was made, but the user may not see it: grant SELECT"
            )
        click.echo(f"{destination.name}: {table} is there")
        if "Replacing" not in existing.engine:
            cure = "" if layout == ASPECTS else "; rename it, and run this again"
            click.echo(
                f"{destination.name}: {table} is a {existing.engine}, which keeps both of two rows{cure}", err=True
            )
        for each in (existing, *find_derived_tables(connection, existing)):
            if each.is_merge_tree and not each.remembers_batches:
                connection.command(remember_batches(each))
                click.echo(f"{destination.name}: {each.database}.{each.name} remembers batches now")
    finally:
        connection.close()


def _errors() -> tuple[type[Exception], ...]:
    from learnrelay.errors import AuthError

    from .connection import ServerError

    return ServerError, AuthError


def _words_of(error: Exception) -> str:
    text = getattr(error, "text", "")
    return f": {text}" if text else ""
