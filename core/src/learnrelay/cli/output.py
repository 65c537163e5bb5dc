"""What commands print: tables for people, JSON for programs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import click
import orjson
from rich.console import Console
from rich.table import Table

from ..tally import Tally


def print_json(value: Any) -> None:
    """JSON on standard output, readable."""
    click.echo(orjson.dumps(value, option=orjson.OPT_INDENT_2).decode())


def print_table(columns: Sequence[str], rows: Iterable[Sequence[object]], console: Console | None = None) -> None:
    """A table; on a terminal as wide as it is, elsewhere as wide as its content."""
    console = console or Console()
    table = Table(*columns, box=None, pad_edge=False, header_style="bold")
    for row in rows:
        table.add_row(*(str(cell) for cell in row))
    if not console.is_terminal:
        console.width = 400
    console.print(table)


def print_tally(tally: Tally, console: Console) -> None:
    """The summary of a run: every line accounted for, by standard and reason."""
    names = list(tally.standards)
    rows: list[tuple[object, ...]] = [("lines read", *[f"{tally.lines:,}"] * len(names))]

    def add(label: str, values: Iterable[int]) -> None:
        told = list(values)
        if any(told):
            rows.append((label, *(f"{value:,}" if value else "" for value in told)))

    each = [tally.standards[name] for name in names]
    rows.append(("transformed", *(f"{one.transformed:,}" for one in each)))
    rows.append(("  statements", *(f"{one.statements:,}" for one in each)))
    add("not mapped", (one.not_mapped for one in each))
    for reason in sorted({reason for one in each for reason in one.skipped}):
        add(f"skipped: {reason}", (one.skipped[reason] for one in each))
    for reason in sorted({reason for one in each for reason in one.failed}):
        add(f"failed: {reason}", (one.failed[reason] for one in each))
    for reason, count in tally.unreadable.most_common():
        add(f"failed: {reason}", [count] * len(names))
    add("transformed without title: unknown course", [tally.unknown_courses] * len(names))
    print_table(["", *names], rows, console)
