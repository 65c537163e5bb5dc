"""``learnrelay privacy``: the data map, for a data-protection officer and for whoever answers to one."""

from __future__ import annotations

import csv
import sys
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.progress import track

from ..assembly import Assembly, assemble
from ..datamap import Row, data_map
from . import config_option, json_option
from .output import print_json, print_table
from .privacy_page import page

COLUMNS = ("event", "standard", "family", "source", "grade", "output", "form", "reason", "destinations")


@click.command()
@config_option(required=True)
@click.option("--event", "events", multiple=True, metavar="NAME", help="Only this event; repeatable.")
@click.option("--csv", "as_csv", is_flag=True, help="Print CSV: a line for each source path and output path.")
@json_option
@click.option(
    "--html", "html", type=click.Path(dir_okay=False), help="Write a page that needs no network to this file."
)
def command(config_path: str, events: tuple[str, ...], as_csv: bool, as_json: bool, html: str | None) -> None:
    r"""Show, for each enabled event, which source path reaches which output path, in what form, and who may get it.

    Nothing here is written by hand: the mappings are run on samples of what they declare, and what comes out is noted.

    \b
    Grades:  direct    names or reaches a person
             indirect  is linkable to a person, or a person's free text
             none      neither
    Forms:   value (or a part of it), address, hashed address, pseudonym, digest (keyed), derived (computed from it),
             decides (whether the output is there, or which constant)
    """
    assembly = assemble(Path(config_path))
    unknown = [name for name in events if name not in assembly.plan.steps]
    if unknown:
        raise click.BadParameter(f"{', '.join(unknown)}: no enabled transformer maps this event", param_hint="--event")
    rows = data_map(assembly, set(events), _watched)
    if html is not None:
        Path(html).write_text(page(assembly, rows), encoding="utf-8")
        click.echo(f"{html}: {len(rows):,} flows of {len({row.event for row in rows}):,} events", err=True)
    if as_json:
        print_json(
            {"notices": notices(assembly), "flows": [dict(zip(COLUMNS, _cells(row), strict=True)) for row in rows]}
        )
    elif as_csv:
        writer = csv.writer(sys.stdout, lineterminator="\n")
        writer.writerow(COLUMNS)
        writer.writerows([*cells[:-1], "; ".join(cells[-1])] for cells in map(_cells, rows))
    elif html is None:
        for notice in notices(assembly):
            click.echo(f"notice: {notice}", err=True)
        print_table(["event", "standard", "source", "grade", "comes out as", "destinations"], _table(rows))


def _watched(names: Sequence[str]) -> Iterable[str]:
    """The names, with a progress bar on a terminal: each mapping is run some thousand times."""
    console = Console(stderr=True)
    return track(names, "running the mappings", console=console, transient=True, disable=not console.is_terminal)


def notices(assembly: Assembly) -> list[str]:
    """What the settings of the standards disclose beyond pseudonyms."""
    return [f"{name}: {notice}" for name, standard in assembly.standards.items() for notice in standard.notices()]


def _cells(row: Row) -> list[Any]:
    return [
        row.event, row.standard, row.family, row.source, row.grade.value, row.output,
        row.form.words if row.form else "", row.reason, [str(receiver) for receiver in row.receivers],
    ]  # fmt: skip


def _table(rows: Sequence[Row]) -> Iterator[list[str]]:
    """One line for each source path: for a person the forms matter more than each single output."""
    for _, group in groupby(rows, key=lambda row: (row.event, row.standard, row.source, row.receivers)):
        flows = list(group)
        first = flows[0]
        outputs = "; ".join(f"{row.output} ({row.form.words})" for row in flows if row.form) or "read, not put out"
        receivers = ", ".join(map(str, first.receivers)) or "nobody"
        yield [first.event, first.standard, first.source, first.grade.value, outputs, receivers]
