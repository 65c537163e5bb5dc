"""Implements ``learnrelay privacy``, which shows the data map."""

from __future__ import annotations

import csv
import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from fnmatch import fnmatchcase
from itertools import groupby
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.progress import track

from ..assembly.assemble import assemble
from ..assembly.warnings import list_notices
from ..config.fields import did_you_mean
from ..personal_data import Grade
from ..pipeline.plan import Plan
from ..privacy.data_map import Row, derive_data_map
from ..privacy.flow_cache import FlowCache, find_folder
from . import config_option, json_option
from .output import print_json, print_line
from .privacy_page import render_page

COLUMNS = ("event", "standard", "family", "source", "grade", "output", "form", "reason", "destinations")


@click.command()
@config_option(required=True)
@click.option(
    "--event", "events", multiple=True, metavar="NAME", help="Event name or glob, such as video.*; repeatable."
)
@click.option(
    "--destination", "destinations", multiple=True, metavar="NAME", help="Destination that gets it; repeatable."
)
@click.option(
    "--grade", "grades", multiple=True, type=click.Choice([grade.value for grade in Grade]), help="Grade; repeatable."
)
@click.option("--csv", "as_csv", is_flag=True, help="Output as CSV, with a line for each source path and output path.")
@json_option
@click.option(
    "--html", "html", type=click.Path(dir_okay=False), help="File for an HTML page that works without a network."
)
def command(
    config_path: str,
    events: tuple[str, ...],
    destinations: tuple[str, ...],
    grades: tuple[str, ...],
    as_csv: bool,
    as_json: bool,
    html: str | None,
) -> None:
    r"""Show which source path reaches which output path, in what form, and which destinations may get it.

    The table is derived by running the mappings on samples of the fields that they declare. Packages ship what was
    derived of their code; where the code or its settings differ it is derived anew, once, and kept in
    ~/.cache/learnrelay (or XDG_CACHE_HOME).

    \b
    Grades:  direct    names or reaches a person
             indirect  is linkable to a person, or a person's free text
             none      neither
    Forms:   value (or a part of it), address, hashed address, pseudonym, digest (keyed), derived (computed from it),
             decides (whether the output is there, or which constant)
    """
    assembly = assemble(Path(config_path))
    named = {name: _find_events(name, assembly.plan) for name in events}
    unknown = [name for name, of_name in named.items() if not of_name]
    if unknown:
        raise click.BadParameter(f"{', '.join(unknown)}: no enabled transformer maps this event", param_hint="--event")
    chosen = {event for of_name in named.values() for event in of_name}
    for name in destinations:
        if name not in assembly.config.destinations:
            hint = did_you_mean(name, list(assembly.config.destinations))
            raise click.BadParameter(f"there is no destination {name}{hint}", param_hint="--destination")
    cache = FlowCache(assembly, find_folder())
    rows = derive_data_map(assembly, chosen, destinations, _watched, os.cpu_count() or 1, cache)
    if grades:
        rows = [row for row in rows if row.grade.value in grades]
    if html is not None:
        Path(html).write_text(render_page(assembly, rows), encoding="utf-8")
        click.echo(f"{html}: {len(rows):,} flows of {len({row.event for row in rows}):,} events", err=True)
    if as_json:
        print_json(
            {
                "notices": list_notices(assembly.standards),
                "flows": [dict(zip(COLUMNS, _cells(row), strict=True)) for row in rows],
            }
        )
    elif as_csv:
        writer = csv.writer(sys.stdout, lineterminator="\n")
        writer.writerow(COLUMNS)
        writer.writerows([*cells[:-1], "; ".join(cells[-1])] for cells in map(_cells, rows))
    elif html is None:
        for notice in list_notices(assembly.standards):
            click.echo(f"notice: {notice}", err=True)
        for line in _describe(rows):
            print_line(line)


def _watched(names: Sequence[str]) -> Iterable[str]:
    """Yields the names with a progress bar on a terminal: each mapping runs some thousand times."""
    console = Console(stderr=True)
    return track(names, "running the mappings", console=console, transient=True, disable=not console.is_terminal)


def _cells(row: Row) -> list[Any]:
    return [
        row.event, row.standard, row.family, row.source, row.grade.value, row.output,
        row.form.words if row.form else "", row.reason, [str(destination) for destination in row.destinations],
    ]  # fmt: skip


def _describe(rows: Sequence[Row]) -> Iterator[str]:
    """Yields a block for each event and standard: who may get it, then each source path with its grade and outputs."""
    for (event, standard, destinations), group in groupby(
        rows, key=lambda row: (row.event, row.standard, row.destinations)
    ):
        yield f"{event} ({standard})"
        yield f"  to {', '.join(map(str, destinations)) or 'nobody'}"
        for (source, grade), flows in groupby(group, key=lambda row: (row.source, row.grade)):
            yield f"  {source:<40} {grade.value}"
            outputs = [row for row in flows if row.form]
            yield from (f"      {row.output} ({row.form.words})" for row in outputs if row.form)
            if not outputs:
                yield "      read, not put out"
        yield ""


def _find_events(name: str, plan: Plan) -> list[str]:
    """Lists the mapped events that a name or a glob stands for."""
    events = [event for event in plan.mappings if event == name or fnmatchcase(event, name)]
    return events or ([name] if plan.mappings_of(name) else [])  # mapped with every other name
